"""train.tuning: what is frozen keeps every bit, and each stage learns at the rate that it was given."""

import copy

import numpy as np
import pytest
import torch

from striate.data.loader import Batch
from striate.errors import OptionError
from striate.models import create
from striate.tasks import Classification
from striate.train import Learner, TrainOptions
from striate.train.tuning import Tuning, tuning_of

SIZE = (1, 8, 8)
FROZEN = ("conv1.", "bn1.", "stage1.")
both = pytest.mark.parametrize("optimizer", ["sgd", "adamw"])


def learner_of(**options):
    torch.manual_seed(0)
    model, chosen = create("resnet20", classes=3, in_channels=1), TrainOptions(**options)
    return Learner(model, Classification(("a", "b", "c")), chosen, torch.device("cpu"), tuning_of(model, chosen, SIZE))


def learn(learner, steps=3, rate=0.1):
    dice = np.random.default_rng(0)
    for seed in range(steps):
        images = torch.from_numpy(dice.normal(size=(12, *SIZE)).astype(np.float32))
        batch = Batch(images, torch.from_numpy(dice.integers(0, 3, 12)), np.arange(12))
        assert not learner.step([batch], learning_rate=rate, seed=seed).skipped
        learner.judged.eval()  # as validation leaves it: the layers that rest are woken with the others
        learner.model.train()


def bits(model):
    return {name: tensor.numpy().tobytes() for name, tensor in copy.deepcopy(model).state_dict().items()}


@both
@pytest.mark.parametrize("average", [0.0, 0.9])
def test_frozen_stages_keep_every_bit(optimizer, average):
    """Weights, and the statistics and counters of normalisation; of the network and of its average; no other does."""
    learner = learner_of(
        optimizer=optimizer, freeze=("conv1", "stage1"), average_decay=average, weight_decay=0.1, layer_decay=0.5
    )
    before = bits(learner.model)
    learn(learner)
    for model in (learner.model, learner.judged):
        same = {name for name, value in bits(model).items() if value == before[name]}
        assert same == {name for name in before if name.startswith(FROZEN)}


def test_without_freezing_nothing_keeps_its_bits():
    """The comparison above can fail."""
    learner = learner_of()
    before = bits(learner.model)
    learn(learner)
    assert not [name for name, value in bits(learner.model).items() if value == before[name]]


def test_frozen_stages_are_what_they_are_in_evaluation():
    """Their output in a step is that of evaluation, whoever has set the network's mode in between."""
    learner = learner_of(freeze=("conv1", "stage1"))
    learn(learner, steps=1)
    x = torch.randn(4, *SIZE)
    learner.model.train()
    learn(learner, steps=1, rate=0.0)
    seen = []
    learner.model.stage1.register_forward_hook(lambda module, given, out: seen.append(out))
    batch = Batch(x, torch.zeros(4, dtype=torch.int64), np.arange(4))
    learner.step([batch], learning_rate=0.0, seed=0)
    with torch.no_grad():
        assert torch.equal(
            seen[0], learner.model.eval().features(x.to(memory_format=torch.channels_last), until="stage1")
        )


@both
def test_each_stage_has_its_rate(optimizer):
    """The head's is the schedule's; each stage with weights before it has the next one's times the decay."""
    learner = learner_of(optimizer=optimizer, layer_decay=0.5)
    learn(learner, steps=1, rate=0.8)
    rates = {p: group["lr"] for group in learner.optimizer.param_groups for p in group["params"]}
    found = {name: rates[p] for name, p in learner.model.named_parameters()}
    want = {"fc": 0.8, "stage3": 0.4, "stage2": 0.2, "stage1": 0.1, "conv1": 0.05, "bn1": 0.05}
    assert found == {name: pytest.approx(want[name.split(".")[0]]) for name in found}


def test_a_rate_is_what_a_step_moves_by():
    """By one step of plain SGD each weight moves by the gradient times its stage's rate."""
    learner = learner_of(layer_decay=0.5, momentum=0.0, weight_decay=0.0)
    before = {name: p.detach().clone() for name, p in learner.model.named_parameters()}
    learn(learner, steps=1, rate=0.8)
    for name, scale in [("fc.weight", 0.8), ("stage3.2.bn2.bias", 0.4), ("conv1.weight", 0.05)]:
        p = learner.model.get_parameter(name)
        assert p.grad is not None
        torch.testing.assert_close(p.detach(), before[name] - scale * p.grad, rtol=1e-4, atol=1e-7)


@both
def test_vectors_do_not_decay_whatever_their_rate(optimizer):
    """The decay of the weights is told apart within each stage."""
    learner = learner_of(optimizer=optimizer, layer_decay=0.5, weight_decay=0.1)
    for group in learner.optimizer.param_groups:
        assert {p.ndim > 1 for p in group["params"]} == {group["weight_decay"] == 0.1}


def test_one_rate_makes_the_groups_that_there_always_were():
    """A run that was begun without fine-tuning finds the state of its optimiser where it was."""
    model = create("resnet20", in_channels=1)
    assert tuning_of(model, TrainOptions(), SIZE) == Tuning()
    groups = learner_of().optimizer.param_groups
    assert [group["scale"] for group in groups] == [1.0, 1.0]


@pytest.mark.refusal
def test_an_unknown_stage_lists_the_known_ones():
    """A slip of the hand freezes nothing in silence."""
    with pytest.raises(OptionError) as error:
        tuning_of(create("resnet20"), TrainOptions(freeze=("conv1", "layer1")), (3, 32, 32))
    assert str(error.value) == (
        "train: no stage is called 'layer1'.\n"
        "  network  ResNetCifar\n"
        "  freeze   conv1 layer1\n"
        "Choose from: conv1, stage1, stage2, stage3, pool, fc."
    )


@pytest.mark.refusal
def test_something_has_to_learn():
    """Training that changes nothing is a mistake."""
    stages = ("C1", "C3", "C5", "F6", "output")
    with pytest.raises(OptionError) as error:
        tuning_of(create("lenet5"), TrainOptions(freeze=stages), (1, 32, 32))
    assert str(error.value) == (
        "train: every stage is frozen.\n"
        "  network  LeNet5\n"
        "  freeze   C1 C3 C5 F6 output\n"
        "Leave out one that has weights: C1, C3, C5, F6, output."
    )
