"""models.residual: blocks add to what they are given, by each of the paper's options."""

from functools import partial

import pytest
import torch
from torch import nn

from striate.errors import OptionError
from striate.models.residual import Basic, Bottleneck, initialize, stage
from striate.nn import PadShortcut, ProjectionShortcut

BLOCKS = {"basic": Basic, "1x1": partial(Bottleneck, stride_on="1x1"), "3x3": partial(Bottleneck, stride_on="3x3")}
blocks = pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
sizes = pytest.mark.parametrize(("channels", "stride"), [((8, 8), 1), ((4, 8), 2), ((4, 8), 1), ((8, 8), 2)])


@blocks
@sizes
def test_a_block_that_has_learnt_nothing_passes_its_input_on(block, channels, stride):
    """With its last normalisation at 0, only the shortcut is left: of option A the identity, subsampled and padded."""
    made = block(*channels, stride, shortcut="A")
    nn.init.zeros_(made.last_norm.weight)
    x = torch.rand(2, channels[0], 6, 6)
    new = (channels[1] - channels[0]) // 2
    assert torch.equal(made(x), nn.functional.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, new, new)))


@blocks
@sizes
def test_a_residual_block_is_a_plain_one_and_its_shortcut(block, channels, stride):
    """Before the last rectification they differ by what the shortcut gives, and by nothing else."""
    plain = block(*channels, stride, shortcut="none").eval()
    x = torch.randn(2, channels[0], 6, 6)
    for option in "ABC":
        made = block(*channels, stride, shortcut=option).eval()
        made.load_state_dict(plain.state_dict(), strict=False)
        made.relu = plain.relu = nn.Identity()
        torch.testing.assert_close(made(x), plain(x) + made.downsample(x))


@blocks
@pytest.mark.parametrize(
    ("option", "changed", "same"),
    [
        ("A", PadShortcut, nn.Identity),
        ("B", ProjectionShortcut, nn.Identity),
        ("C", ProjectionShortcut, ProjectionShortcut),
        ("none", type(None), type(None)),
    ],
)
def test_the_options_are_the_paper_s(block, option, changed, same):
    """A has no parameters, B learns where the size changes, C everywhere; a plain block has no shortcut."""
    first, second = stage(partial(block, shortcut=option), 2, 4, 8, stride=2)
    assert (type(first.downsample), type(second.downsample)) == (changed, same)


@pytest.mark.parametrize(("stride_on", "strides"), [("1x1", (2, 1, 1)), ("3x3", (1, 2, 1))])
def test_a_bottleneck_has_its_stride_where_it_is_told(stride_on, strides):
    """One convolution of the three has it, and the output's size is the same."""
    block = Bottleneck(4, 8, 2, shortcut="B", stride_on=stride_on)
    assert tuple(conv.stride[0] for conv in (block.conv1, block.conv2, block.conv3)) == strides
    assert block(torch.zeros(2, 4, 7, 6)).shape == (2, 8, 4, 3)


def test_zero_init_leaves_the_shortcuts():
    """A stage that begins so gives what its shortcuts give, rectified."""
    made = stage(partial(Basic, shortcut="B"), 3, 4, 8, stride=2)
    initialize(made, zero_init=True)
    x = torch.randn(2, 4, 6, 6)
    assert torch.equal(made(x), made[0].downsample(x).relu())


@pytest.mark.refusal
def test_plain_blocks_do_not_begin_at_nothing():
    """Nothing would pass through them, forwards or backwards."""
    with pytest.raises(OptionError) as error:
        initialize(Basic(4, 4, 1, shortcut="none"), zero_init=True)
    assert str(error.value) == (
        "resnet: plain blocks whose last normalisation is 0 give nothing, and learn nothing.\n"
        "  shortcut   'none'\n"
        "  zero_init  True\n"
        "Leave zero_init out, or choose shortcut A, B or C."
    )


@pytest.mark.refusal
def test_an_unknown_shortcut_is_explained():
    """Of either block."""
    for block in (Basic, partial(Bottleneck, stride_on="1x1")):
        with pytest.raises(OptionError) as error:
            block(4, 8, 2, shortcut="D")
        assert str(error.value) == (
            "resnet: no shortcut is called so.\n  shortcut  'D'\nChoose A, B, C, or none for a plain network."
        )


@pytest.mark.refusal
def test_an_unknown_place_of_the_stride_is_explained():
    """There are two."""
    with pytest.raises(OptionError) as error:
        Bottleneck(4, 8, 2, shortcut="B", stride_on="5x5")
    assert str(error.value) == (
        "resnet: a bottleneck has no such convolution for its stride.\n"
        "  stride_on  '5x5'\n"
        "Choose 1x1 (the paper's) or 3x3 (torchvision's)."
    )
