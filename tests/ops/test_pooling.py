"""ops.pooling: inputs and settings that no pooling can take are refused, by the name of the pooling."""

import pytest
import torch

from striate.errors import DtypeError, OptionError, ShapeError
from striate.ops.geometry import Window
from striate.ops.pooling import added, check_numbers, check_pooled, even_padding, pool_window, window_starts


def test_without_a_stride_windows_lie_side_by_side():
    """None, or PyTorch's empty tuple, is the kernel size."""
    for stride in (None, ()):
        assert pool_window("pool", 2, (2, 3), stride, 0).stride == (2, 3)


def test_half_a_window_of_padding_is_the_most_unless_it_is_full():
    """A dilated window of 3 taps is 5 long: 2 samples are fine; 'full' pads 4."""
    assert pool_window("pool", 1, 3, 1, 2, 2).padding == ((2, 2),)
    assert pool_window("pool", 1, 3, 1, "full", 2).padding == ((4, 4),)


@pytest.mark.parametrize(
    ("padding", "even"), [(1, [1]), ("same", None), ([(0, 1)], None), ("full", None), ("valid", [0])]
)
def test_even_padding_is_what_pytorch_takes(padding, even):
    """The same on both sides, at most half the window."""
    assert even_padding(pool_window("pool", 1, 3, 2, padding), (6,)) == even


def test_added_samples_and_window_starts():
    """Each side gets its own; the first window starts before the input."""
    assert added(torch.ones(1, 2), ((1, 2),), 5).tolist() == [[5, 1, 1, 5, 5]]
    window = Window.of("pool", 1, kernel_size=3, stride=2, padding=[(1, 2)])
    assert window_starts(window, (4,), (3,)) == [range(-1, 5, 2)]


REFUSALS = {
    "axes": (
        lambda: check_pooled("pool2d", 2, torch.zeros(2, 2)),
        "pool2d: input has 2 axes, and 4 are needed, or 3 for a single example.\n"
        "  input  (2, 2)\n"
        "Pass input as (N, C, H, W) or (C, H, W).",
    ),
    "empty": (
        lambda: check_pooled("pool2d", 2, torch.zeros(2, 1, 0, 3)),
        "pool2d: input is empty.\n"
        "  input  (2, 1, 0, 3)\n"
        "Pass at least one channel and one sample along each spatial axis; only the axis of examples may be empty.",
    ),
    "dtype": (
        lambda: check_pooled("pool1d", 1, torch.zeros(1, 3, dtype=torch.complex64)),
        "pool1d: input is of a dtype that cannot be pooled.\n"
        "  input  torch.complex64\n"
        "Convert it, for example with input.float().",
    ),
    "whole numbers": (
        lambda: check_pooled("pool1d", 1, torch.zeros(1, 3, dtype=torch.int64), floating=True),
        "pool1d: input is of a dtype that cannot be pooled.\n"
        "  input  torch.int64\n"
        "Convert it, for example with input.float().",
    ),
    "no order": (
        lambda: check_numbers("pool1d", torch.zeros(1, 3, dtype=torch.bool)),
        "pool1d: input is of a dtype that cannot be pooled.\n"
        "  input  torch.bool\n"
        "Convert it, for example with input.float().",
    ),
    "half a window": (
        lambda: pool_window("pool2d", 2, (2, 3), 1, [(0, 1), (2, 0)]),
        "pool2d: padding is more than half the window.\n"
        "  padding      [(0, 1), (2, 0)]\n"
        "  kernel_size  (2, 3)\n"
        "  dilation     (1, 1)\n"
        "Pad at most 1, 1, or ask for 'full'.",
    ),
}


@pytest.mark.refusal
@pytest.mark.parametrize(("call", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_does_not_fit_is_refused(call, message):
    """The message names the rule, the values and the way out."""
    with pytest.raises((ShapeError, OptionError, DtypeError)) as error:
        call()
    assert str(error.value) == message
