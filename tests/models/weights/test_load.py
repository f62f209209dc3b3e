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
            "  shapes  output.weight: (10, 84) for (3, 84), output.bias: (10,) for (3,)\n",
        ),
        (lambda: create("lenet5", in_channels=3), "  shapes  C1.weight: (6, 1, 5, 5) for (6, 3, 5, 5)\n"),
        (
            lambda: create("lenet5", image_size=(16, 16)),
            "  shapes  C5.weight: (120, 16, 5, 5) for (120, 16, 1, 1)\n",
        ),
        (
            lambda: create("resnet20"),
            "  missing  bn1.bias, bn1.num_batches_tracked, bn1.running_mean, and 113 more\n"
            "  others   C1.bias, C1.weight, C3.bias, and 7 more\n",
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
    assert str(error.value) == (
        "weights: lenet5 test does not fit this network.\n"
        f"{received}"
        "Make it as the weights were trained: striate.create('lenet5', weights='test'); "
        "only its number of classes can be another."
    )
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
        "create: lenet5 test was trained with stride_on='3x3'.\n"
        "  stride_on  '1x1'\n"
        "Leave stride_on out, or leave the weights out."
    )
