"""ops.geometry: sizes as torch computes them, and as the definition counts them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from striate.errors import OptionError, ShapeError
from striate.ops.geometry import Window, each, named, output_size

SIZES = st.integers(1, 24)
KERNELS, STRIDES, DILATIONS, PADS = st.integers(1, 6), st.integers(1, 4), st.integers(1, 3), st.integers(0, 4)


def counted(size, kernel, stride, before, after, dilation):
    """The definition: how many starts keep every tap inside the padded input."""
    starts = range(-before, size + after, stride)
    return sum(start + dilation * (kernel - 1) < size + after for start in starts)


@given(SIZES, KERNELS, STRIDES, PADS, PADS, DILATIONS)
def test_positions_are_the_starts_that_fit(size, kernel, stride, before, after, dilation):
    """Every start that keeps all taps inside is a position, and no other."""
    count = counted(size, kernel, stride, before, after, dilation)
    if count:
        assert output_size((size,), kernel, stride, [(before, after)], dilation) == (count,)
    else:
        with pytest.raises(ShapeError, match="the window is larger than the padded input"):
            output_size((size,), kernel, stride, [(before, after)], dilation)


@given(SIZES, KERNELS, STRIDES, PADS, DILATIONS)
def test_convolution_is_as_large_as_that_of_torch(size, kernel, stride, padding, dilation):
    """The number of positions is what a convolution produces."""
    if counted(size, kernel, stride, padding, padding, dilation):
        out = F.conv1d(torch.zeros(1, 1, size), torch.zeros(1, 1, kernel), None, stride, padding, dilation)
        assert output_size(size, kernel, stride, padding, dilation) == out.shape[-1]


@given(SIZES, KERNELS, STRIDES, st.booleans(), st.data())
def test_pooling_is_as_large_as_that_of_torch(size, kernel, stride, ceil_mode, data):
    """Rounded down or up, the number of positions is what a pooling produces."""
    padding = data.draw(st.integers(0, kernel // 2))
    if size + 2 * padding >= kernel:
        out = F.max_pool1d(torch.zeros(1, 1, size), kernel, stride, padding, ceil_mode=ceil_mode)
        assert output_size(size, kernel, stride, padding, ceil_mode=ceil_mode) == out.shape[-1]


@given(SIZES, KERNELS, STRIDES, DILATIONS)
def test_same_gives_the_size_over_the_stride_rounded_up(size, kernel, stride, dilation):
    """'same' keeps ceil(n / s) positions, and adds at most one sample more after than before."""
    window = Window.of("test", 1, kernel_size=kernel, stride=stride, padding="same", dilation=dilation)
    assert window.positions((size,)) == (-(-size // stride),)
    ((before, after),) = window.sides((size,))
    assert after - before in (0, 1)
    if before:  # one sample less would not do
        assert counted(size, kernel, stride, before, after - 1, dilation) < -(-size // stride)


@given(SIZES, KERNELS, DILATIONS)
def test_full_lets_every_tap_meet_every_sample(size, kernel, dilation):
    """'full' gives n + d(k - 1) positions: the first and the last tap each pass over all n samples."""
    assert output_size(size, kernel, padding="full", dilation=dilation) == size + dilation * (kernel - 1)
    assert output_size(size + dilation * (kernel - 1), kernel, padding="valid", dilation=dilation) == size


@given(SIZES, KERNELS, STRIDES, st.sampled_from(["valid", "same", "full", 1]), DILATIONS)
def test_going_back_gives_a_size_with_as_many_positions(positions, kernel, stride, padding, dilation):
    """A transposed window's output is an input of the window, and without 'same' the smallest."""
    window = Window.of("test", 1, kernel_size=kernel, stride=stride, padding=padding, dilation=dilation)
    (size,) = window.origins((positions,))
    if size >= 1:
        assert window.positions((size,)) == (positions,)
        assert output_size(positions, kernel, stride, padding, dilation, transposed=True) == size
        beside = size + 1 if padding == "same" else size - 1
        assert window.positions((beside,)) != (positions,)


def test_going_back_is_as_large_as_that_of_torch():
    """The size is what a transposed convolution produces, its output padding included."""
    out = F.conv_transpose1d(torch.zeros(1, 1, 5), torch.zeros(1, 1, 4), None, 3, 1, 2, 1, 2)
    assert output_size(5, 4, 3, 1, 2, transposed=True, output_padding=2) == out.shape[-1]


def test_each_side_may_be_padded_by_itself():
    """A pair an axis is taken as before and after; a number beside it stands for both."""
    assert output_size((5, 5), 3, padding=[(0, 2), 1]) == (5, 5)
    assert output_size((5,), 3, padding=[(2, 1)]) == (6,)


def test_named_writes_every_axis_with_its_letter():
    """One letter for each size, and no size without one."""
    assert named("K Cg R S", (64, 3, 7, 7)) == "(K=64, Cg=3, R=7, S=7)"
    with pytest.raises(ValueError, match="longer"):
        named("N C H", (8, 4, 32, 32))


# (what is wrong, the call, the whole message)
REFUSALS = [
    (
        "a window too large",
        lambda: output_size((5, 2), 3, dilation=2, padding=[0, (0, 1)]),
        "output_size: the window is larger than the padded input.\n"
        "  input        (H=5, W=2)\n"
        "  padding      ((0, 0), (0, 1))\n"
        "  window       (R=5, S=5)\n"
        "  kernel_size  (3, 3)\n"
        "  dilation     (2, 2)\n"
        "Pass a larger input, pad more, or use a smaller kernel or dilation.",
    ),
    (
        "no step",
        lambda: output_size(5, 3, stride=0),
        "output_size: stride is less than 1.\n  stride  0\nGive 1 or more.",
    ),
    (
        "too many numbers",
        lambda: output_size((5, 5), (3, 3, 3)),
        "output_size: kernel_size has 3 numbers for 2 spatial axes.\n  kernel_size  (3, 3, 3)\nGive one number, or 2.",
    ),
    (
        "half a pixel",
        lambda: output_size(5, 1.5),
        "output_size: kernel_size is not made of whole numbers.\n  kernel_size  1.5\n"
        "Give kernel_size as a whole number, or as 1 of them, one for each spatial axis.",
    ),
    (
        "a pair where a number belongs",
        lambda: output_size(5, 3, padding=(1, 2)),
        "output_size: padding is neither one number, nor 1, nor 1 pairs.\n  padding  (1, 2)\n"
        "Give a number or a pair (before, after) for each of the 1 spatial axes.",
    ),
    (
        "negative padding",
        lambda: output_size(5, 3, padding=-1),
        "output_size: padding is less than 0.\n  padding  (-1, -1)\nGive 0 or more.",
    ),
    (
        "a padding without a meaning",
        lambda: output_size(5, 3, padding="half"),
        "output_size: no padding is called 'half'.\nChoose one of 'valid', 'same', 'full', or give numbers.",
    ),
    (
        "nothing left",
        lambda: output_size(1, 3, padding=2, transposed=True),
        "output_size: output is less than 1.\n  output  -1\nGive 1 or more.",
    ),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("call", "message"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_sizes_that_cannot_be_are_refused(call, message):
    """The message names the rule, the values and the way out."""
    with pytest.raises((ShapeError, OptionError)) as error:
        call()
    assert str(error.value) == message


def test_each_takes_one_number_for_all_axes():
    """A number, a sequence of one, or one number an axis."""
    assert each("test", "stride", 3, 2) == each("test", "stride", [3], 2) == (3, 3)
    assert each("test", "stride", (1, 2, 3), 3) == (1, 2, 3)
