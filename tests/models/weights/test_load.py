"""models.weights.load: all tensors or a clear refusal; a new head when it is asked for, and told."""

import dataclasses

import pytest
import torch
from published_files import described, state_dict, write_torch

from striate.errors import OptionError, WeightsError
from striate.models import create
from striate.models.weights import Loaded, load_weights, trained_options
from striate.models.weights.convert import convert


@pytest.fixture
def row(tmp_path):
    """Weights for LeNet-5, on this machine."""
    file = write_torch(tmp_path / "net.pth", state_dict())
    found = described(file)
    convert(found, file)
    return found


def bits(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def test_every_tensor_is_loaded(row):
    """Bit for bit, and what was loaded is told."""
    network = create("lenet5")
    assert load_weights(network, row) == Loaded(row, 10, ())
    assert network.left_out == ()
    content = state_dict()
    assert all(torch.equal(tensor, content[name]) for name, tensor in network.state_dict().items())


def test_the_network_s_numbers_are_its_own(row, cache):
    """Training it does not touch the file, nor the file it."""
    network = create("lenet5")
    load_weights(network, row)
    with torch.no_grad():
        network.C1.weight.add_(1)
    again = create("lenet5")
    load_weights(again, row)
    assert torch.equal(again.C1.weight, state_dict()["C1.weight"])


def test_other_classes_get_a_fresh_head_which_is_told(row):
    """The head is as it was; everything else is loaded; the value says so."""
    network = create("lenet5", classes=3)
    before = bits(network)
    loaded = load_weights(network, row, new_head=True)
    assert loaded == Loaded(row, 8, ("output.weight", "output.bias"))
    assert network.left_out == loaded.left_out
    assert str(loaded) == "lenet5 test: 8 tensors loaded; fresh, for other classes: output.weight, output.bias"
    after, content = bits(network), state_dict()
    assert all(torch.equal(after[name], before[name]) for name in loaded.left_out)
    assert all(torch.equal(after[name], content[name]) for name in after if name not in loaded.left_out)


def test_a_new_head_can_be_asked_for_with_as_many_classes(row):
    """Ten other classes are other classes."""
    network = create("lenet5")
    before = bits(network)
    load_weights(network, row, new_head=True)
    assert torch.equal(network.output.weight, before["output.weight"])


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("network", "received"),
    [
        (
            lambda: create("lenet5", classes=3),
            "  network      LeNet5\n  other shape  output.weight 10 x 84, not 3 x 84, output.bias 10, not 3\n"
            "Name the network that they were trained for, with the same options.",
        ),
        (
            lambda: create("lenet5", in_channels=3),
            "  network      LeNet5\n  other shape  C1.weight 6 x 1 x 5 x 5, not 6 x 3 x 5 x 5\n"
            "The first convolution takes 1 channel: read the images with channels=1.",
        ),
        (
            lambda: create("lenet5", image_size=(16, 16)),
            "  network      LeNet5\n  other shape  C5.weight 120 x 16 x 5 x 5, not 120 x 16 x 1 x 1\n"
            "The network was made for images of another size: leave image_size out.",
        ),
        (
            lambda: create("resnet20"),
            "  network     ResNetCifar\n"
            "  missing     conv1.weight, bn1.weight, bn1.bias, bn1.running_mean, bn1.running_var, "
            "bn1.num_batches_tracked and 110 more\n"
            "  unexpected  C1.bias, C1.weight, C3.bias, C3.weight, C5.bias, C5.weight and 4 more\n"
            "Name the network that they were trained for, with the same options.",
        ),
    ],
    ids=["classes", "channels", "size", "other network"],
)
def test_weights_that_do_not_fit_are_refused_and_nothing_is_loaded(row, network, received):
    """Every tensor that differs is told, and the network is as it was."""
    network = network()
    before = bits(network)
    with pytest.raises(WeightsError) as error:
        load_weights(network, row)
    assert str(error.value) == f"weights: lenet5 test does not fit this network.\n{received}"
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.refusal
def test_the_options_are_those_of_the_training(row):
    """They are added; the same value may be repeated; another is refused."""
    trained = dataclasses.replace(row, options={"stride_on": "3x3"})
    assert trained_options(trained, {"zero_init": True}) == {"zero_init": True, "stride_on": "3x3"}
    assert trained_options(trained, {"stride_on": "3x3"}) == {"stride_on": "3x3"}
    with pytest.raises(OptionError) as error:
        trained_options(trained, {"stride_on": "1x1"})
    assert str(error.value) == (
        "weights: lenet5 test was trained with stride_on='3x3'.\n"
        "  stride_on  '1x1'\n"
        "Leave stride_on out, or leave the weights out."
    )
