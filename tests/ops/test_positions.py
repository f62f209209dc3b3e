"""ops.positions: unshared and tiled convolution are the ends and the middle of one family."""

import pytest
import torch
from family import positions_of, problems
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import ops
from striate.errors import ShapeError
from striate.ops.geometry import Window
from striate.ops.positions import positional_conv, positional_conv_transpose


def function(name, rank):
    return getattr(ops, f"{name}{rank}d")


@given(problems(), st.integers(1, 3))
@settings(max_examples=50)
def test_equals_its_definition(problem, period):
    """Any size, stride, dilation, grouping, padding a side, flipped or not: the plain loop's numbers."""
    tiles, x = (period,) * problem.rank, problem.input()
    w, own = problem.weight(tiles), problem.weight(problem.positions)
    options = {**problem.settings, "flip": problem.flip}
    torch.testing.assert_close(function("tiled_conv", problem.rank)(x, w, **options), positions_of(problem, x, w))
    torch.testing.assert_close(
        function("unshared_conv", problem.rank)(x, own, **options), positions_of(problem, x, own)
    )


@given(problems())
@settings(max_examples=40)
def test_one_tile_is_shared_and_enough_tiles_are_unshared(problem):
    """T = 1 is `conv`, t >= positions is `unshared_conv`; both ways, forward and transposed."""
    rank, x, y, w = problem.rank, problem.input(), problem.output(), problem.weight()
    options = {**problem.settings, "flip": problem.flip}
    one = w[(None,) * rank]
    torch.testing.assert_close(function("tiled_conv", rank)(x, one, **options), function("conv", rank)(x, w, **options))
    more = problem.weight(tuple(p + 1 for p in problem.positions))
    own = more[tuple(slice(p) for p in problem.positions)]
    torch.testing.assert_close(
        function("tiled_conv", rank)(x, more, **options), function("unshared_conv", rank)(x, own, **options)
    )
    options["output_size"] = problem.size
    torch.testing.assert_close(
        function("tiled_conv_transpose", rank)(y, one, **options), function("conv_transpose", rank)(y, w, **options)
    )
    torch.testing.assert_close(
        function("tiled_conv_transpose", rank)(y, more, **options),
        function("unshared_conv_transpose", rank)(y, own, **options),
    )


@given(problems())
@settings(max_examples=50)
def test_transposed_is_the_adjoint(problem):
    """<conv(x), y> = <x, conv*(y)> for every x and y."""
    x, y, options = problem.input(), problem.output(), {**problem.settings, "flip": problem.flip}
    for kind, tiles in (("tiled", (2,) * problem.rank), ("unshared", problem.positions)):
        w = problem.weight(tiles)
        there = function(f"{kind}_conv", problem.rank)(x, w, **options)
        back = function(f"{kind}_conv_transpose", problem.rank)(y, w, **options, output_size=problem.size)
        torch.testing.assert_close((there * y).sum(), (x * back).sum())


@given(problems())
@settings(max_examples=30)
def test_is_linear_in_input_and_kernel(problem):
    """Sums and multiples go through, for the input and for the kernels."""
    u, w = problem.input(), problem.weight((2,) * problem.rank)
    v, z, conv = u.flip(-1) + 1, w.flip(0) - 1, function("tiled_conv", problem.rank)
    options = problem.settings
    torch.testing.assert_close(conv(2 * u - v, w, **options), 2 * conv(u, w, **options) - conv(v, w, **options))
    torch.testing.assert_close(conv(u, 2 * w - z, **options), 2 * conv(u, w, **options) - conv(u, z, **options))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_tiled_commutes_with_shifts_by_a_period(rank):
    """On a ring, moving the input by t positions moves the output; by fewer it need not."""
    x, w = torch.randn(1, 2, *[6] * rank), torch.randn(*[2] * rank, 3, 2, *[3] * rank)
    axes = tuple(range(2, 2 + rank))

    def around(x):
        return function("tiled_conv", rank)(x, w, padding="same", padding_mode="circular")

    torch.testing.assert_close(around(x.roll((2,) * rank, axes)), around(x).roll((2,) * rank, axes))
    assert (around(x.roll((1,) * rank, axes)) - around(x).roll((1,) * rank, axes)).abs().max() > 0.1


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("padding", ["valid", "same", "full"])
def test_named_paddings_have_adjoints_too(rank, padding):
    """With padding by name and a stride, the transposed one is the adjoint at the size it gives by itself."""
    w = torch.randn(*[2] * rank, 2, 3, *[3] * rank, dtype=torch.float64)
    y = torch.randn(1, 2, *[3] * rank, dtype=torch.float64)
    back = function("tiled_conv_transpose", rank)(y, w, None, 2, padding)
    x = torch.randn_like(back)
    there = function("tiled_conv", rank)(x, w, None, 2, padding)
    torch.testing.assert_close((there * y).sum(), (x * back).sum())
    window = Window.of("test", rank, kernel_size=3, stride=2, padding=padding)
    assert tuple(back.shape[2:]) == window.origins((3,) * rank)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_output_padding_is_as_for_shared_kernels(rank):
    """Samples added at the end lie beyond every tap, or under the last ones."""
    y, w = torch.randn(1, 2, *[3] * rank), torch.randn(2, 3, *[2] * rank)
    for steps in ((3, 0, 2), (3, 1, 1), (2, 1, 1)):
        torch.testing.assert_close(
            function("tiled_conv_transpose", rank)(y, w[(None,) * rank], None, *steps),
            function("conv_transpose", rank)(y, w, None, *steps),
        )


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_bias_takes_turns_as_the_kernels_do(rank):
    """Per channel, per tile (position p has that of p mod t) or per location; gradients sum what shares a number."""
    x, w = torch.randn(2, 2, *[5] * rank), torch.randn(*[2] * rank, 3, 2, *[1] * rank)
    conv = function("tiled_conv", rank)
    plain = conv(x, w)
    for bias in (torch.randn(3), torch.randn(3, *[2] * rank), torch.randn(3, *[5] * rank)):
        got = conv(x, w, bias.requires_grad_())
        where = tuple(torch.arange(5) % n for n in bias.shape[1:])
        every = bias[(slice(None), *torch.meshgrid(*where, indexing="ij"))] if where else bias.view(3, *[1] * rank)
        torch.testing.assert_close(got, plain + every)
        torch.testing.assert_close(
            torch.autograd.grad(got.square().sum(), bias)[0],
            torch.autograd.grad((plain + every).square().sum(), bias)[0],
        )


def test_a_single_example_other_modes_and_autocast():
    """Without the axis of examples; reflected borders as in shared convolution; bfloat16 under autocast."""
    x, w = torch.randn(2, 6, 6), torch.randn(1, 1, 3, 2, 3, 3)
    torch.testing.assert_close(ops.tiled_conv2d(x, w), ops.tiled_conv2d(x[None], w)[0])
    for mode in ("reflect", "replicate", "circular"):
        torch.testing.assert_close(
            ops.tiled_conv2d(x, w, padding=[(2, 1), 0], padding_mode=mode),
            ops.conv2d(x, w[0, 0], padding=[(2, 1), 0], padding_mode=mode),
        )
    with torch.autocast("cpu", torch.bfloat16):
        assert ops.tiled_conv2d(x, w, torch.zeros(3)).dtype == torch.bfloat16


@pytest.mark.refusal
def test_kernels_for_other_positions_are_refused():
    """The message says how many kernels there must be."""
    with pytest.raises(ShapeError) as error:
        ops.unshared_conv2d(torch.zeros(1, 3, 9, 9), torch.zeros(7, 6, 4, 3, 3, 3))
    assert str(error.value) == (
        "unshared_conv2d: there must be one kernel for every position.\n"
        "  weight     (7, 6, 4, 3, 3, 3)\n"
        "  kernels    (P=7, Q=6)\n"
        "  positions  (P=7, Q=7)\n"
        "Pass weight with 7 x 7 kernels in front, or an input of the size they are for."
    )


@pytest.mark.refusal
def test_a_bias_for_other_tiles_is_refused():
    """The message lists the three shapes that fit."""
    with pytest.raises(ShapeError) as error:
        ops.tiled_conv2d(torch.zeros(1, 3, 9, 9), torch.zeros(2, 2, 4, 3, 3, 3), torch.zeros(4, 3, 3))
    assert str(error.value) == (
        "tiled_conv2d: bias does not fit the output.\n"
        "  bias    (4, 3, 3)\n"
        "  output  (4, 7, 7)\n"
        "Pass bias as (4,) (one per channel) or (4, 2, 2) (one per tile) or (4, 7, 7) (one per location)."
    )


def test_names_tell_what_they_call():
    """The two shared functions are those behind the public names."""
    x, w = torch.randn(1, 1, 4), torch.randn(2, 1, 1, 2)
    got = positional_conv("tiled_conv1d", 1, x, w, None, (1, 0, 1), 1, "zeros", False)
    torch.testing.assert_close(got, ops.tiled_conv1d(x, w))
    back = positional_conv_transpose("tiled_conv_transpose1d", 1, got, w, None, (1, 0, 1), 1, (0, None), False)
    torch.testing.assert_close(back, ops.tiled_conv_transpose1d(got, w))
