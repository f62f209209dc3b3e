"""models.resnet: the paper's table 1, and torchvision's networks, name by name and number by number."""

import pytest
import torch
from torch import nn
from torchvision_oracle import torchvision

from striate.errors import OptionError
from striate.models import ResNet, create
from striate.models.resnet import DEPTHS

depths = pytest.mark.parametrize("depth", DEPTHS)
# Parameters by option, with 1000 classes: of A (zeros), B (projections where the size changes), C (everywhere).
OPTIONS = {
    18: (11_515_688, 11_689_512, 12_043_816),
    34: (21_623_848, 21_797_672, 22_716_840),
    50: (22_780_456, 25_557_032, 40_128_552),
    101: (41_772_584, 44_549_160, 76_981_288),
    152: (57_416_232, 60_192_808, 107_335_720),
}
# Table 1: stage, height and width of its output for 224 x 224, channels of basic blocks; bottlenecks have four times as
# many from conv2_x on.
TABLE = [("conv1", 112, 64), ("conv2_x", 56, 64), ("conv3_x", 28, 128), ("conv4_x", 14, 256), ("conv5_x", 7, 512)]


def hollow(depth, **options):
    """Build the network without its numbers."""
    with torch.device("meta"):
        return create(f"resnet{depth}", **options)


@depths
def test_parameters_by_option_are_pinned(depth):
    """Of the paper's three; a plain network has as many as option A."""
    networks = [hollow(depth, shortcut=option) for option in ("A", "B", "C", "none")]
    counts = [sum(p.numel() for p in network.parameters()) for network in networks]
    assert tuple(counts[:3]) == OPTIONS[depth]
    assert counts[3] == counts[0]


@depths
def test_there_are_as_many_layers_as_the_name_says(depth):
    """Convolutions and the last layer; projections are not counted."""
    layers = [m for name, m in hollow(depth).named_modules() if "downsample" not in name]
    assert sum(isinstance(m, nn.Conv2d | nn.Linear) for m in layers) == depth


@depths
def test_stages_are_the_paper_s(depth):
    """Each row of table 1 has the size it says."""
    wide = 4 if depth >= 50 else 1
    want = {name: (2, channels * (1 if name == "conv1" else wide), size, size) for name, size, channels in TABLE}
    found, x = {}, torch.empty(2, 3, 224, 224, device="meta")
    for name, stage in hollow(depth).stages().items():
        found[name] = (x := stage(x)).shape
    assert found == {**want, "pool": (2, 512 * wide), "fc": (2, 1000)}


@depths
def test_names_and_shapes_are_torchvision_s(depth):
    """Its weights load, strictly; and its order is ours."""
    with torch.device("meta"):
        theirs = getattr(torchvision.models, f"resnet{depth}")()
    shapes = [(name, tensor.shape) for name, tensor in theirs.state_dict().items()]
    assert [(name, tensor.shape) for name, tensor in hollow(depth).state_dict().items()] == shapes


@depths
def test_scores_are_torchvision_s(depth):
    """With its stride and the same weights, whichever of the two they come from."""
    ours = create(f"resnet{depth}", classes=10, **({"stride_on": "3x3"} if depth >= 50 else {})).eval()
    theirs = getattr(torchvision.models, f"resnet{depth}")(num_classes=10).eval()
    x = torch.randn(1, 3, 64, 64)
    scattered(theirs)
    ours.load_state_dict(theirs.state_dict())
    with torch.no_grad():
        want = theirs(x)
        assert want.std() > 0.01
        torch.testing.assert_close(ours(x), want, rtol=1e-5, atol=1e-5)
        scattered(ours)
        assert not torch.allclose(ours(x), want, rtol=1e-3)
        theirs.load_state_dict(ours.state_dict())
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-5)


def scattered(network):
    """Draw what a new network has at 0 and 1: gains, offsets and running statistics."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.2, 0.6)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)


def test_the_stride_s_place_changes_the_function():
    """The same weights in both forms: the same shapes, other scores."""
    paper, theirs = (create("resnet50", classes=10, stride_on=on).eval() for on in ("1x1", "3x3"))
    theirs.load_state_dict(paper.state_dict())
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert not torch.allclose(paper(x), theirs(x), rtol=0.01)


def test_a_plain_network_is_its_residual_one_without_shortcuts():
    """The same layers with the same names: option A's weights load, and give other scores."""
    plain = create("plain18", classes=10).eval()
    residual = create("resnet18", classes=10, shortcut="A").eval()
    plain.load_state_dict(residual.state_dict())
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert not torch.allclose(plain(x), residual(x), rtol=0.01)


def test_zero_init_begins_with_shortcuts_alone():
    """Every last normalisation is 0, and no other."""
    zero = [name for name, p in create("resnet50", zero_init=True).named_parameters() if not p.any()]
    assert [name for name in zero if name.endswith("weight")] == [
        f"layer{row}.{i}.bn3.weight" for row, n in enumerate(DEPTHS[50][1], 1) for i in range(n)
    ]


@pytest.mark.refusal
def test_a_depth_that_the_paper_does_not_have_is_explained():
    """The five that it has are named."""
    with pytest.raises(OptionError) as error:
        ResNet(depth=20)
    assert str(error.value) == (
        "resnet: the paper has no network so deep.\n  depth  20\nChoose one of: 18, 34, 50, 101, 152."
    )
