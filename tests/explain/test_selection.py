"""explain.selection: layers by name, by range, or a few of them."""

import pytest
import torch

from striate.errors import OptionError
from striate.explain.layers import capture
from striate.explain.selection import convolutions, selected
from striate.models import create


@pytest.fixture(scope="module")
def network():
    """ResNet-20."""
    return capture(create("resnet20"), torch.zeros(1, 3, 32, 32))


def test_five_of_many_and_all_of_few(network):
    """From the first convolution to the last, in order."""
    found = selected(network)
    known = convolutions(network)
    assert len(known) == 19
    assert (found[0], found[-1], len(found)) == (known[0], known[-1], 5)
    small = capture(create("lenet5"), torch.zeros(1, 1, 32, 32))
    assert selected(small) == ["C1", "C3", "C5"]


def test_names_and_ranges_come_in_the_networks_order(network):
    """However they are given, once each; a module stands for the last layer in it."""
    assert selected(network, ["stage3.2.conv2", "conv1", "conv1"]) == ["conv1", "stage3.2.conv2"]
    assert selected(network, ["stage1.0.conv1..stage1.1.conv2"]) == [
        "stage1.0.conv1",
        "stage1.0.conv2",
        "stage1.1.conv1",
        "stage1.1.conv2",
    ]
    known = convolutions(network)
    assert selected(network, [f"{known[-2]}.."]) == known[-2:]
    assert selected(network, [f"..{known[1]}"]) == known[:2]
    assert selected(network, [".."]) == known
    assert selected(network, ["stage2"]) == [network.layer("stage2").name]


@pytest.mark.refusal
def test_what_cannot_be_shown_is_refused(network):
    """Unknown names, ranges that run backwards, layers without maps."""
    with pytest.raises(OptionError, match="no layer called 'conv9'"):
        selected(network, ["conv9"])
    with pytest.raises(OptionError) as error:
        selected(network, ["stage1.0.conv1..conv1"])
    assert str(error.value) == (
        "explain: the range 'stage1.0.conv1..conv1' runs backwards.\nName the layer nearer to the image first."
    )
    with pytest.raises(OptionError, match=r"explain: fc has no feature maps\.\nChoose from: conv1, stage1\.0\.conv1"):
        selected(network, ["fc"])
