"""ops.lp_pool: the p-norm of a window, found by a plain loop; no slope is NaN."""

from math import inf

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import pools
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from striate.errors import DtypeError, OptionError, ShapeError
from striate.ops.lp_pool import lp_pool1d, lp_pool2d, lp_pool3d

POOL = {1: lp_pool1d, 2: lp_pool2d, 3: lp_pool3d}
PYTORCH = {1: F.lp_pool1d, 2: F.lp_pool2d, 3: F.lp_pool3d}
ranks = pytest.mark.parametrize("rank", [1, 2, 3])
paddings = pytest.mark.parametrize("padding", [1, "same", "full"])


@given(pools(dilated=False), st.sampled_from([0.5, 1, 1.5, 2, 3, inf]))
@settings(max_examples=60)
def test_is_the_norm_of_the_samples_under_the_window(pool, p):
    """A loop over windows finds the same norms; what lies beyond the input is 0."""
    x = pool.input()
    out = POOL[pool.rank](x, p, **pool.steps, ceil_mode=pool.ceil_mode)
    want = torch.empty_like(out)
    for place, inside, _ in pool.windows():
        under = torch.stack([x[(..., *i)] for i in inside]).abs()
        want[(..., *place)] = under.amax(0) if p == inf else under.pow(p).sum(0).pow(1 / p)
    torch.testing.assert_close(out, want)


@ranks
@pytest.mark.parametrize("p", [1, 2, 3, 2.5, inf])
@pytest.mark.parametrize("stride", [None, 1, 2])
def test_agrees_with_pytorch_where_that_is_a_norm(rank, p, stride):
    """Nothing is negative, and every window is whole."""
    x = torch.rand(2, 3, *[6] * rank)
    torch.testing.assert_close(POOL[rank](x, p, 2, stride), PYTORCH[rank](x, p, 2, stride))
    signed = x - 0.5
    torch.testing.assert_close(POOL[rank](signed, 2, 2, stride), PYTORCH[rank](signed, 2, 2, stride))


@given(pools(dilated=False), st.floats(1, 8), st.floats(-4, 4))
@settings(max_examples=30)
def test_is_a_norm(pool, p, factor):
    """|a x| = |a| |x|; |x + y| <= |x| + |y|; and it falls from the sum to the maximum as p grows."""

    def norm(x, p=p):
        return POOL[pool.rank](x, p, **pool.steps, ceil_mode=pool.ceil_mode)

    x = pool.input()
    y = x.flip(-1)
    torch.testing.assert_close(norm(factor * x), abs(factor) * norm(x))
    assert (norm(x + y) <= norm(x) + norm(y) + 1e-9).all()
    assert (norm(x, p + 1) <= norm(x) + 1e-9).all()
    assert (norm(x, inf) <= norm(x) + 1e-9).all()


@ranks
@paddings
@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 3, 3.7, inf])
def test_gradients_of_first_and_second_order(rank, padding, p):
    """Numerical ones agree, away from 0, where powers below 2 have a corner."""
    x = (torch.randperm(2 * 3**rank).double() / 9 - 1.03).view(1, 2, *[3] * rank).requires_grad_()
    assert gradcheck(lambda x: POOL[rank](x, p, 2, 2, padding=padding), x)
    assert gradgradcheck(lambda x: POOL[rank](x, p, 2, 2, padding=padding), x)


def test_the_second_derivative_at_a_zero_among_others():
    """A sample of 0 beside one that is not: the root of x^2 + 9 is curved there, by 1/3."""
    curvature = torch.autograd.functional.hessian(lambda x: lp_pool1d(x, 2, 2).sum(), torch.tensor([[0.0, 3.0]]))
    assert curvature.flatten().tolist() == pytest.approx([1 / 3, 0, 0, 0])


@ranks
@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 2.5, 3, 4, inf])
def test_a_window_of_zeros_has_no_slope_and_no_curvature(rank, p):
    """Its first and second gradients are 0, not NaN; its neighbours' are finite."""
    x = torch.zeros(1, 1, *[4] * rank)
    x[..., -1] = 2.0
    x.requires_grad_()
    (slope,) = torch.autograd.grad(POOL[rank](x, p, 2).sum(), x, create_graph=True)
    assert slope.isfinite().all()
    assert not slope[..., :2].any() or p == inf
    (curvature,) = torch.autograd.grad(slope.square().sum() + 0 * x.sum(), x)
    assert curvature.isfinite().all()
    assert not curvature[..., :2].any()


@ranks
@paddings
@pytest.mark.traced
def test_compiles_and_exports(rank, padding):
    """In one graph, and with any number of examples; the same numbers."""

    class Layer(torch.nn.Module):
        def forward(self, x):
            return POOL[rank](x, 3, 3, 2, padding=padding)

    x = torch.randn(2, 2, *[5] * rank)
    want = Layer()(x)
    torch.compiler.reset()
    torch.testing.assert_close(torch.compile(Layer(), backend="aot_eager", fullgraph=True)(x), want)
    program = torch.export.export(Layer(), (x,), dynamic_shapes=({0: torch.export.Dim("n")},))
    torch.testing.assert_close(program.module()(x.repeat(2, *[1] * (rank + 1)))[:2], want)


@ranks
@paddings
def test_other_numbers_and_layouts(rank, padding):
    """Short numbers are summed as long ones, so that squares do not overflow; meta, no examples, one, any strides."""
    x = torch.randint(-300, 300, (2, 3, *[5] * rank)).double()
    want = POOL[rank](x, 2, 3, 2, padding=padding)
    for dtype in (torch.bfloat16, torch.float16, torch.float32):
        short = x.to(dtype)
        got = POOL[rank](short, 2, 3, 2, padding=padding)
        assert got.dtype == dtype
        torch.testing.assert_close(got, POOL[rank](short.double(), 2, 3, 2, padding=padding).to(dtype))
    assert POOL[rank](x.to("meta"), 2, 3, 2, padding=padding).shape == want.shape
    assert POOL[rank](x[:0], 2, 3, 2, padding=padding).shape == (0, *want.shape[1:])
    torch.testing.assert_close(POOL[rank](x[1], 2, 3, 2, padding=padding), want[1])
    turned = x.transpose(0, 1).contiguous().transpose(0, 1)
    torch.testing.assert_close(POOL[rank](turned, 2, 3, 2, padding=padding), want)


# (what is wrong, the call, the whole message)
REFUSALS = [
    (
        "no power",
        lambda: lp_pool2d(torch.zeros(1, 4, 4), 0, 2),
        "lp_pool2d: norm_type is not above 0.\n  norm_type  0\n"
        "Give the power p of the norm: 1 sums, 2 is Euclid's, inf takes the greatest.",
    ),
    (
        "a negative power",
        lambda: lp_pool1d(torch.zeros(1, 4), -inf, 2),
        "lp_pool1d: norm_type is not above 0.\n  norm_type  -inf\n"
        "Give the power p of the norm: 1 sums, 2 is Euclid's, inf takes the greatest.",
    ),
    (
        "a power that is no number",
        lambda: lp_pool3d(torch.zeros(1, 4, 4, 4), float("nan"), 2),
        "lp_pool3d: norm_type is not above 0.\n  norm_type  nan\n"
        "Give the power p of the norm: 1 sums, 2 is Euclid's, inf takes the greatest.",
    ),
    (
        "whole numbers",
        lambda: lp_pool2d(torch.zeros(1, 4, 4, dtype=torch.int64), 2, 2),
        "lp_pool2d: input is of a dtype that cannot be pooled.\n  input  torch.int64\n"
        "Convert it, for example with input.float().",
    ),
    (
        "a window too large",
        lambda: lp_pool2d(torch.zeros(1, 2, 4), 2, 3),
        "lp_pool2d: the window is larger than the padded input.\n"
        "  input        (H=2, W=4)\n"
        "  padding      ((0, 0), (0, 0))\n"
        "  window       (R=3, S=3)\n"
        "  kernel_size  (3, 3)\n"
        "  dilation     (1, 1)\n"
        "Pass a larger input, pad more, or use a smaller kernel or dilation.",
    ),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("call", "message"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_what_is_no_norm_is_refused(call, message):
    """The message names the rule, the values and the way out."""
    with pytest.raises((ShapeError, OptionError, DtypeError)) as error:
        call()
    assert str(error.value) == message
