"""train.optimizer: PyTorch's optimisers, with decay where it belongs and a state that can be written down."""

import pytest
import torch
from torch import nn

from striate.train import TrainOptions
from striate.train.optimizer import optimizer_for, optimizer_tensors, restore_optimizer

both = pytest.mark.parametrize("optimizer", ["sgd", "adamw"])


def network():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2)]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def learn(model, optimizer, steps, seed):
    torch.manual_seed(seed)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(4, 3, 6, 6)).square().sum().backward()
        optimizer.step()


@both
def test_matrices_decay_and_vectors_do_not(optimizer):
    """Kernels and matrices are pulled towards 0; biases and normalisation are left alone."""
    model = network()
    groups = optimizer_for(model, TrainOptions(optimizer=optimizer, weight_decay=0.1)).param_groups
    decays = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert {name: decays[id(p)] for name, p in model.named_parameters()} == {
        "0.weight": 0.1,
        "0.bias": 0.0,
        "1.weight": 0.0,
        "1.bias": 0.0,
        "4.weight": 0.1,
        "4.bias": 0.0,
    }


@both
def test_it_is_pytorch_s(optimizer):
    """With all decay off, the weights are those that PyTorch's own optimiser finds, bit for bit."""
    ours, theirs = network(), network()
    options = TrainOptions(optimizer=optimizer, learning_rate=0.01, momentum=0.8, weight_decay=0)
    known = {
        "sgd": lambda p: torch.optim.SGD(p, 0.01, momentum=0.8, fused=True),
        "adamw": lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0, fused=True),
    }
    learn(ours, optimizer_for(ours, options), 5, seed=1)
    learn(theirs, known[optimizer](theirs.parameters()), 5, seed=1)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one, other)


@both
def test_restored_it_goes_on_as_if_nothing_had_been(optimizer):
    """Its tensors, through files that know no layout, are all that it needs."""
    options = TrainOptions(optimizer=optimizer, learning_rate=0.01)
    model, other = network(), network()
    trained = optimizer_for(model, options)
    learn(model, trained, 3, seed=1)
    kept = {
        name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in optimizer_tensors(trained).items()
    }
    other.load_state_dict(model.state_dict())
    restored = optimizer_for(other, options)
    restore_optimizer(restored, kept)
    assert optimizer_tensors(restored).keys() == kept.keys()
    learn(model, trained, 3, seed=2)
    learn(other, restored, 3, seed=2)
    for one, same in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, same)


@both
def test_the_state_takes_the_parameter_s_layout(optimizer):
    """Another layout would be visited in another order, and rounded otherwise."""
    model = network()
    trained = optimizer_for(model, TrainOptions(optimizer=optimizer))
    learn(model, trained, 1, seed=1)
    kept = {name: tensor.contiguous() for name, tensor in optimizer_tensors(trained).items()}
    restore_optimizer(trained, kept)
    kernel = model[0].weight
    assert not kernel.is_contiguous()
    states = [value for value in trained.state[kernel].values() if value.shape == kernel.shape]
    assert states
    assert all(value.stride() == kernel.stride() for value in states)


def test_before_the_first_step_there_is_nothing_to_write():
    """An empty state is restored as an empty state."""
    optimizer = optimizer_for(network(), TrainOptions())
    assert optimizer_tensors(optimizer) == {}
    restore_optimizer(optimizer, {})
    assert optimizer_tensors(optimizer) == {}


def test_frozen_weights_are_left_out():
    """What does not learn has no optimiser, and a network of matrices alone has one group."""
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3))
    model[1].requires_grad_(requires_grad=False)
    (group,) = optimizer_for(model, TrainOptions()).param_groups
    assert [id(p) for p in group["params"]] == [id(model[0].weight)]
