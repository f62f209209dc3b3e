"""models.resnet_cifar: the sizes of the paper's table, and blocks that add to what they are given."""

import pytest
import torch
from torch import nn

from striate.models import ResNetCifar
from striate.models.resnet_cifar import Block

STAGES = [("conv1", (16, 32, 32)), ("stage1", (16, 32, 32)), ("stage2", (32, 16, 16)), ("stage3", (64, 8, 8))]


@pytest.mark.parametrize("n", [1, 3, 5])
def test_there_are_6n_plus_2_layers_with_weights(n):
    """The paper's count: 2n convolutions in each of three stages, the first convolution, the last layer."""
    weighted = [m for m in ResNetCifar(n=n).modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(weighted) == 6 * n + 2


@pytest.mark.parametrize(("name", "shape"), STAGES)
def test_stages_are_the_paper_s(name, shape):
    """Each row of the paper's table has the size it says, for an image of 32 x 32."""
    network, seen = ResNetCifar(n=1), []
    module = network.get_submodule(name)
    module.register_forward_hook(lambda *given: seen.append(tuple(given[2].shape[1:])))
    network(torch.zeros(2, 3, 32, 32))
    assert seen == [shape]


@pytest.mark.parametrize(("channels", "stride"), [((4, 4), 1), ((4, 8), 2), ((4, 8), 1)])
def test_a_block_that_has_learnt_nothing_passes_its_input_on(channels, stride):
    """With its last normalisation at 0, only the shortcut is left: the identity, subsampled and padded."""
    block = Block(channels[0], channels[1], stride)
    nn.init.zeros_(block.bn2.weight)
    x = torch.rand(2, channels[0], 6, 6)
    new = (channels[1] - channels[0]) // 2
    want = nn.functional.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, new, new))
    assert torch.equal(block(x), want)


def test_the_shortcuts_have_no_parameters():
    """Option A: every parameter belongs to a convolution, a normalisation or the last layer."""
    assert not [name for name, _ in ResNetCifar(n=3).named_parameters() if "shortcut" in name]


def test_the_last_layer_sees_an_average_over_all_positions():
    """The scores are the last layer's, of the mean of the last feature maps."""
    network = ResNetCifar(n=1).eval()
    x = torch.randn(2, 3, 20, 12)
    assert network.features(x).shape == (2, 64, 5, 3)
    torch.testing.assert_close(network(x), network.fc(network.features(x).mean((2, 3))))
