"""ops.conv_transpose: the exact adjoint of convolution, as large as asked for."""

import pytest
import torch
from family import problems
from hypothesis import given, settings
from torch.nn import functional as F

from striate import engine
from striate.errors import ShapeError
from striate.ops.conv import conv1d, conv2d, conv3d
from striate.ops.conv_transpose import conv_transpose1d, conv_transpose2d, conv_transpose3d

CONV = {1: conv1d, 2: conv2d, 3: conv3d}
TRANSPOSE = {1: conv_transpose1d, 2: conv_transpose2d, 3: conv_transpose3d}
ranks = pytest.mark.parametrize("rank", [1, 2, 3])


@given(problems())
@settings(max_examples=80)
def test_is_the_adjoint_of_convolution(problem):
    """<conv(x), y> = <x, conv*(y)> for every x and y, whatever the sizes and settings."""
    x, w, y = problem.input(), problem.weight(), problem.output()
    options = {**problem.settings, "flip": problem.flip}
    back = TRANSPOSE[problem.rank](y, w, **options, output_size=problem.size)
    assert back.shape == x.shape
    torch.testing.assert_close((CONV[problem.rank](x, w, **options) * y).sum(), (x * back).sum())


@ranks
@pytest.mark.parametrize("padding", ["valid", "same", "full"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_named_paddings_have_adjoints_too(rank, padding, stride):
    """With padding by name, it is the adjoint of the convolution with that padding, at the size it gives by itself."""
    w = torch.randn(2, 3, *[3] * rank, dtype=torch.float64)
    y = torch.randn(1, 2, *[4] * rank, dtype=torch.float64)
    back = TRANSPOSE[rank](y, w, None, stride, padding)
    x = torch.randn_like(back)
    there = CONV[rank](x, w, None, stride, padding)
    assert there.shape == y.shape
    torch.testing.assert_close((there * y).sum(), (x * back).sum())


@ranks
def test_every_size_with_as_many_positions_can_be_had(rank):
    """A stride of 3 leaves three sizes: `output_size` and `output_padding` give each, and torch agrees."""
    y, w, bias = torch.randn(1, 2, *[4] * rank), torch.randn(2, 3, *[4] * rank), torch.randn(3)
    torch_own = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}[rank]
    for extra in range(3):
        want = torch_own(y, w, bias, 3, 1, extra)
        torch.testing.assert_close(TRANSPOSE[rank](y, w, bias, 3, 1, extra), want)
        torch.testing.assert_close(TRANSPOSE[rank](y, w, bias, 3, 1, output_size=want.shape[2:]), want)
        torch.testing.assert_close(TRANSPOSE[rank](y, w, bias, 3, 1, output_size=want.shape), want)


@ranks
def test_bias_is_added_per_channel_or_per_location(rank):
    """Each location of the output has its own offset if asked for."""
    y, w, bias = torch.randn(2, 2, *[3] * rank), torch.randn(2, 3, *[2] * rank), torch.randn(3, *[6] * rank)
    torch.testing.assert_close(TRANSPOSE[rank](y, w, bias, 2), TRANSPOSE[rank](y, w, None, 2) + bias)


@ranks
def test_gradients_are_right_twice(rank):
    """First and second derivatives are those of finite differences, also where the output is cut and extended."""
    y, w = torch.randn(1, 2, *[2] * rank).double(), torch.randn(2, 1, *[2] * rank).double()
    for options in ({"stride": 2, "padding": [(0, 1)] * rank}, {"stride": 3, "output_padding": 2}):

        def spread(y, w, options=options):
            return TRANSPOSE[rank](y, w, **options)

        operands = (y.requires_grad_(), w.requires_grad_())
        torch.autograd.gradcheck(spread, operands)
        torch.autograd.gradgradcheck(spread, operands)


@ranks
def test_a_single_example_no_example_and_no_numbers(rank):
    """Without the axis of examples, with none of them, on the meta device, in bfloat16."""
    y, w = torch.randn(2, *[3] * rank), torch.randn(2, 4, *[2] * rank)
    torch.testing.assert_close(TRANSPOSE[rank](y, w), TRANSPOSE[rank](y[None], w)[0])
    assert TRANSPOSE[rank](y[None][:0], w).shape == (0, 4, *[4] * rank)
    assert TRANSPOSE[rank](y.to("meta"), w.to("meta"), stride=2).shape == (4, *[6] * rank)
    assert TRANSPOSE[rank](y.bfloat16(), w.bfloat16()).dtype == torch.bfloat16


Y, W = torch.zeros(1, 8, 5, 5), torch.zeros(8, 3, 3, 3)
# (what is wrong, the call, the whole message)
REFUSALS = [
    (
        "a size with other positions",
        lambda: conv_transpose2d(Y, W, None, 2, 1, output_size=(11, 9)),
        "conv_transpose2d: an output of this size does not have as many positions as the input.\n"
        "  output_size  (H=11, W=9)\n"
        "  positions    (P=6, Q=5)\n"
        "  input        (P=5, Q=5)\n"
        "Leave output_size out, which gives (H=9, W=9), or choose a size with as many positions.",
    ),
    (
        "more than a step",
        lambda: conv_transpose2d(Y, W, None, 2, 1, 2),
        "conv_transpose2d: output_padding must be smaller than the stride or the dilation, and 0 with 'same'.\n"
        "  output_padding  (2, 2)\n"
        "  stride          (2, 2)\n"
        "  dilation        (1, 1)\n"
        "Give fewer, or say the size with output_size.",
    ),
    (
        "both",
        lambda: conv_transpose2d(Y, W, None, 2, 1, 1, output_size=(10, 10)),
        "conv_transpose2d: output_size and output_padding are both given.\n"
        "  output_size     (10, 10)\n"
        "  output_padding  (1, 1)\n"
        "Give one of them.",
    ),
    (
        "nothing left",
        lambda: conv_transpose2d(Y[..., :1, :1], W, None, 1, 2),
        "conv_transpose2d: nothing is left of the output.\n"
        "  input    (P=1, Q=1)\n"
        "  output   (H=-1, W=-1)\n"
        "  padding  ((2, 2), (2, 2))\n"
        "Pad less, or pass a larger input.",
    ),
    (
        "other channels",
        lambda: conv_transpose2d(Y[:, :4], W),
        "conv_transpose2d: input has 4 channels, but weight takes 8.\n"
        "  input   (N=1, K=4, P=5, Q=5)\n"
        "  weight  (8, 3, 3, 3)\n"
        "Pass input with 8 channels, or a weight made for 4.",
    ),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("call", "message"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_what_does_not_fit_is_refused(call, message):
    """The message names the rule, the values and the way out."""
    with pytest.raises(ShapeError) as error:
        call()
    assert str(error.value) == message


@given(problems(ranks=(2,)))
@settings(max_examples=60)
def test_the_engine_computes_two_dimensions(problem):
    """In 32 bits, by our algorithms alone: the numbers of double precision, and its gradients."""
    exact = problem.output().requires_grad_(), problem.weight().requires_grad_()
    given = [t.detach().float().requires_grad_() for t in exact]
    options = {**problem.settings, "flip": problem.flip, "output_size": problem.size}
    want = conv_transpose2d(*exact, **options)
    with engine.reproducible():
        got = conv_transpose2d(*given, **options)
    torch.testing.assert_close(got.double(), want, rtol=1e-4, atol=1e-4)
    wants = torch.autograd.grad(want.square().sum(), exact)
    gots = torch.autograd.grad(got.square().sum(), given)
    for g, w in zip(gots, wants, strict=True):
        torch.testing.assert_close(g.double(), w, rtol=1e-3, atol=1e-3 * max(1, w.norm()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_padding_that_cuts_all_away_on_one_side(dtype):
    """What is left is the adjoint still: zeros where no product comes."""
    for shape, kernel, given_settings in (
        ((1, 1, 1, 1), (1, 1, 1, 2), {"stride": (1, 4), "padding": ((0, 0), (3, 0)), "output_padding": (0, 2)}),
        (
            (2, 2, 1, 1),
            (2, 1, 2, 2),
            {"stride": (1, 4), "padding": ((0, 0), (4, 1)), "output_padding": (1, 3), "dilation": (3, 2)},
        ),
    ):
        generator = torch.Generator().manual_seed(0)
        x, weight = (torch.randn(n, generator=generator, dtype=dtype) for n in (shape, kernel))
        found = conv_transpose2d(x, weight, **given_settings)
        steps = {name: value for name, value in given_settings.items() if name != "output_padding"}
        seen = torch.randn(found.shape, generator=generator, dtype=dtype)
        along = (conv2d(seen, weight, **steps) * x).sum()
        torch.testing.assert_close((found * seen).sum(), along)
