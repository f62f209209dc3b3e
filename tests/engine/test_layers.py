"""engine.layers: every convolution that the engine could compute, by its module's name; the model stays as it was."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from striate.engine import calls
from striate.engine.accelerate import accelerate
from striate.engine.layers import layers
from striate.engine.plan import forget
from striate.engine.problem import Problem
from striate.errors import ShapeError
from striate.models import create


def problems(model, size, **options):
    """What is listed, by name."""
    return {layer.name: layer.problem for layer in layers(model, size, **options)}


def test_a_network_has_all_its_convolutions():
    """As many as its modules, in the order in which they run, each with its sizes."""
    found = layers(create("resnet18"), (2, 3, 64, 64))
    assert len(found) == 20
    assert [layer.name for layer in found[:2]] == ["conv1", "layer1.0.conv1"]
    assert found[0].problem == Problem.of(
        (2, 3, 64, 64), (64, 3, 7, 7), stride=(2, 2), padding=(3, 3), channels_last=False
    )


def test_a_module_that_runs_twice_is_listed_twice():
    """With the sizes of each time."""
    conv = nn.Conv2d(3, 3, 3)
    found = layers(nn.Sequential(conv, conv), (1, 3, 9, 9))
    assert [layer.problem.input[2:] for layer in found] == [(9, 9), (7, 7)]


class Functional(nn.Module):
    """Convolves without a layer, and does what the engine cannot besides."""

    def forward(self, x):
        x = F.conv2d(x, torch.ones(4, 1, 3, 3), groups=3 if x.shape[1] == 12 else 1)
        x = F.conv_transpose2d(x, torch.ones(4, 2, 2, 2))
        return F.conv1d(x.flatten(2), torch.ones(1, 2, 3)).double()


def test_functions_are_seen_and_what_is_none_of_ours_is_not():
    """Neither a transposed convolution nor one over another number of axes."""
    (found,) = layers(nn.Sequential(Functional()), (1, 1, 8, 8))
    assert (found.name, found.problem.kernels) == ("0", (4, 3, 3))


def test_a_bias_and_the_layout_are_part_of_the_problem():
    """Since they are part of what is planned when the model runs."""
    conv = nn.Conv2d(2, 3, 3)
    assert problems(conv, (1, 2, 8, 8))[""].bias
    assert not problems(conv, (1, 2, 8, 8))[""].channels_last
    assert problems(conv, (1, 2, 8, 8), channels_last=True)[""].channels_last


def test_gradients_are_those_that_training_needs():
    """The first layer's input is not learnt, so it has no gradient; weights change from one output to the next."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3))
    first, second = layers(model, (1, 3, 9, 9), backward=True)
    assert [problem.direction for problem in first.backward] == ["forward", "weight gradient"]
    assert [problem.direction for problem in second.backward] == ["forward", "input gradient", "weight gradient"]
    assert first.backward[0] == replace(first.problem, packed_anew=True)
    assert all(layer.backward == () for layer in layers(model, (1, 3, 9, 9)))


def test_the_model_is_left_as_it_was():
    """Its numbers, its modes, its hooks; also after it has failed."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()).train()
    model[2].eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    layers(model, (1, 3, 9, 9), backward=True)
    with pytest.raises(ShapeError):
        layers(model, (1, 2, 9, 9))
    assert [module.training for module in model.modules()] == [True, True, True, False]
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in model.modules())
    assert all(p.grad is None for p in model.parameters())


def planned_for(model, x):
    """The problems that the engine meets when the model runs."""
    forget()
    with torch.no_grad():
        accelerate(model.eval())(x)
    return {call.problem for call in calls._CALLS.values()}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize(
    "model",
    [
        lambda: create("resnet20"),
        lambda: nn.Sequential(nn.Conv2d(3, 4, 4, padding="same"), nn.Conv2d(4, 4, (2, 3), padding="same")),
        lambda: nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(3, 4, 3, padding=1)),
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular", bias=False)),
    ],
)
def test_what_is_listed_is_what_is_planned_when_the_model_runs(model, channels_last):
    """Accelerated or not: to the last setting, or what is measured would never be found again."""
    network = model()
    found = {layer.problem for layer in layers(network, (2, 3, 16, 16), channels_last=channels_last)}
    x = torch.zeros(2, 3, 16, 16)
    x = x.contiguous(memory_format=torch.channels_last) if channels_last else x
    assert found == planned_for(network, x)
    accelerate(network)
    assert found == {layer.problem for layer in layers(network, (2, 3, 16, 16), channels_last=channels_last)}


@pytest.mark.refusal
def test_an_input_that_does_not_fit_is_refused():
    """In the model's words."""
    with pytest.raises(ShapeError) as error:
        layers(nn.Sequential(nn.Flatten(), nn.Linear(4, 1)), (1, 3))
    assert str(error.value) == (
        "layers: the model does not take such an input.\n"
        "  input_size  (1, 3)\n"
        "  model       Sequential\n"
        "  reason      mat1 and mat2 shapes cannot be multiplied (1x3 and 4x1)\n"
        "Give the size of an input that it takes, examples first: (1, 3, 224, 224)."
    )
