"""train.average: PyTorch's exponential moving average, with a decay that warms up."""

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from striate.train.average import Average


def network():
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2))


def move(model):
    """Change weights, running statistics and counter, as a step does."""
    model(torch.randn(8, 2, 4, 4))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter))


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.values(), other.values(), strict=True))


def test_after_warm_up_it_is_pytorch_s():
    """With a decay in force from the first, weights and statistics are those of AveragedModel, bit for bit."""
    model = network()
    average, theirs = (
        Average(model, 0.9),
        AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True),
    )
    theirs.n_averaged.add_(1)  # PyTorch's first update copies
    for step in range(20):
        move(model)
        average.update(1000 + step)
        theirs.update_parameters(model)
    floats = [name for name, value in model.state_dict().items() if value.is_floating_point()]
    assert len(floats) == 8
    assert all(torch.equal(average.tensors()[name], theirs.module.state_dict()[name]) for name in floats)


@pytest.mark.parametrize(("updates", "decay"), [(0, 0.1), (1, 2 / 11), (8, 0.5), (80, 0.9), (1000, 0.95)])
def test_the_decay_warms_up(updates, decay):
    """After t updates it is (1 + t) / (10 + t), until it reaches what was asked for."""
    model = network()
    average = Average(model, 0.95)
    before = average.tensors()["0.weight"].clone()
    move(model)
    average.update(updates)
    torch.testing.assert_close(
        average.tensors()["0.weight"], decay * before + (1 - decay) * model.state_dict()["0.weight"]
    )


def test_what_does_not_move_is_its_own_average():
    """A constant stays what it is, to the last bit."""
    model = network()
    average = Average(model, 0.99)
    for step in range(10):
        average.update(step)
    assert same(average.tensors(), model.state_dict())


def test_it_lies_between_what_was_and_what_is():
    """An update moves every weight towards the network's, and not past it."""
    model = network()
    average = Average(model, 0.5)
    old = average.tensors()["3.weight"].clone()
    move(model)
    average.update(100)
    now, new = model.state_dict()["3.weight"], average.tensors()["3.weight"]
    assert ((new - old) * (now - new) >= 0).all()
    assert not torch.equal(new, old)


def test_counters_are_copied():
    """Half a batch has not been seen."""
    model = network()
    average = Average(model, 0.9)
    for _ in range(3):
        move(model)
    average.update(0)
    assert int(average.tensors()["1.num_batches_tracked"]) == 3


def test_the_network_is_left_alone():
    """The average has its own memory, and asks for no gradient."""
    model = network()
    average = Average(model, 0.9)
    move(model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    average.update(0)
    assert same(model.state_dict(), before)
    assert not any(p.requires_grad for p in average.model.parameters())
    assert all(p.requires_grad for p in model.parameters())
