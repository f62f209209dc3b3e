"""ops.dry_run: a network runs as shapes only, and nothing in it changes."""

import pytest
import torch
from torch import nn

from striate.errors import OptionError, ShapeError
from striate.ops.dry_run import DryRun, first_tensor, hollow


def network():
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Sequential(nn.ReLU()))


def test_the_copy_has_no_numbers_and_the_network_keeps_its_own():
    """The copy is on the meta device, in evaluation mode; the network keeps its mode, hooks and numbers."""
    net, called = network().train(), []
    net[0].register_forward_hook(lambda *_: called.append(1))
    net[0].spare = net.get_parameter("0.weight") * 2  # neither parameter nor buffer, and it cannot be copied
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    copy = hollow(net)
    assert all(tensor.is_meta for tensor in [*copy.state_dict().values(), copy.get_submodule("0").spare])
    assert not any(module.training for module in copy.modules())
    assert all(module.training for module in net.modules())
    DryRun("test", net, (2, 8, 8)).run()
    assert called == []
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert [len(module._forward_hooks) for module in net.modules()].count(1) == 1


def test_shared_parameters_stay_shared():
    """What was one tensor is one tensor in the copy."""
    layer = nn.Linear(3, 3)
    copy = hollow(nn.Sequential(layer, nn.ReLU(), layer))
    assert copy.get_submodule("0") is copy.get_submodule("2")


def test_modules_are_told_as_they_begin_and_end():
    """By name, outermost first and last, with what they gave; the input has the parameters' dtype."""
    seen = []
    dry = DryRun("test", network().double(), (2, 8, 8))
    out = dry.run(
        on_enter=lambda name, module: seen.append(name),
        on_leave=lambda name, module, out: seen.append((name, out.shape)),
    )
    assert seen[:2] == ["", "0"]
    assert seen[-1] == ("", torch.Size([1, 4, 6, 6]))
    assert len(seen) == 12
    assert (out.dtype, out.is_meta) == (torch.float64, True)


@pytest.mark.parametrize("size", [(100,), (10, 12), (4, 6, 8)], ids=str)
def test_an_input_has_one_to_three_spatial_axes(size):
    """Sequences, pictures and volumes alike."""
    conv = getattr(nn, f"Conv{len(size)}d")(2, 3, 3)
    assert DryRun("test", conv, (2, *size)).run().shape == (1, 3, *(n - 2 for n in size))


def test_first_tensor_looks_into_lists_and_dictionaries():
    """The first in their order; None where there is none."""
    one, two = torch.zeros(1), torch.zeros(2)
    assert first_tensor([None, {"a": (), "b": [one, two]}]) is one
    assert first_tensor((None, "text", {})) is None


@pytest.mark.refusal
@pytest.mark.parametrize("size", [(3,), (1, 2, 3, 4, 5), (1, 0, 28), (1, 28.0), (True, 28)], ids=str)
def test_input_size_that_is_none_is_explained(size):
    """Two to four positive whole numbers, or a message that says so."""
    with pytest.raises(OptionError) as error:
        DryRun("test", network(), size)
    assert str(error.value) == (
        "test: input_size is not two to four positive whole numbers.\n"
        f"  input_size  {size}\n"
        "Pass the channels and one to three spatial sizes, as in (1, 28, 28)."
    )


@pytest.mark.refusal
def test_layers_that_are_not_complete_are_explained():
    """A lazy layer has no sizes before its first input."""
    with pytest.raises(OptionError) as error:
        DryRun("test", nn.Sequential(nn.LazyConv2d(3, 3)), (1, 8, 8))
    assert str(error.value) == (
        "test: the model has layers that take their channels from their first input.\n"
        "  model  Sequential\n"
        "Call the model once on a real input first."
    )


@pytest.mark.refusal
def test_size_the_model_cannot_take_is_explained():
    """The message names the model, the size, the layer that failed, what it was given and torch's reason."""
    with pytest.raises(ShapeError) as error:
        DryRun("test", nn.Sequential(nn.Conv1d(1, 6, 5), nn.Sequential(nn.Linear(7, 2))), (1, 12)).run()
    assert str(error.value) == (
        "test: the model cannot take an input of this size.\n"
        "  model       Sequential\n"
        "  input_size  C=1 T=12\n"
        "  layer       1.0: Linear(in_features=7, out_features=2, bias=True)\n"
        "  given       6 x 8\n"
        f"  reason      {error.value.__cause__}\n"
        "Pass the channels and length that the model was made for, or make one for this size."
    )


@pytest.mark.refusal
def test_a_network_for_pictures_does_not_take_a_sequence_for_one():
    """PyTorch would take the examples for channels, and give a table of nonsense."""
    with pytest.raises(ShapeError) as error:
        DryRun("test", nn.Conv2d(1, 6, 5), (28, 28)).run()
    assert str(error.value) == (
        "test: the model cannot take an input of this size.\n"
        "  model       Conv2d\n"
        "  input_size  C=28 T=28\n"
        "  layer       forward: Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))\n"
        "  given       28 x 28\n"
        "  reason      Conv2d slides along 2 axes, and the input has 1.\n"
        "Pass the channels, height and width that the model was made for, or make one for this size."
    )
    assert str(error.value.__cause__).endswith("Pass the channels, height and width.")


@pytest.mark.refusal
def test_failures_outside_of_any_layer_have_no_layer():
    """A forward that is no module's is told without one, and a failure without words by its name."""

    class Failing(nn.Module):
        def forward(self, x):
            raise AssertionError

    dry = DryRun("test", Failing(), (1, 8))
    with pytest.raises(ShapeError, match=r"reason +AssertionError"):
        dry.run()
