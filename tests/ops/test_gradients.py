"""ops.gradients: what autograd finds, for every member of the family."""

import pytest
import torch
from family import problems
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import engine, ops
from striate.errors import ShapeError
from striate.ops.gradients import conv_input_gradient, conv_kernel_gradient

KINDS = {"conv": lambda p: (), "tiled_conv": lambda p: (2,) * p.rank, "unshared_conv": lambda p: p.positions}


@given(problems(), st.sampled_from(list(KINDS)))
@settings(max_examples=60)
def test_both_are_what_autograd_finds(problem, kind):
    """Input and kernel gradients of shared, tiled and unshared convolution, whatever the sizes and settings."""
    x, w = problem.input().requires_grad_(), problem.weight(KINDS[kind](problem)).requires_grad_()
    options = {**problem.settings, "flip": problem.flip}
    y = getattr(ops, f"{kind}{problem.rank}d")(x, w, **options)
    g = problem.output()
    dx, dw = torch.autograd.grad(y, (x, w), g)
    x, w = x.detach(), w.detach()
    torch.testing.assert_close(conv_input_gradient(w, x, y.detach(), g, **options), dx)
    torch.testing.assert_close(conv_input_gradient(w, x.shape, None, g, **options), dx)
    torch.testing.assert_close(conv_kernel_gradient(w, x, y.detach(), g, **options), dw)
    torch.testing.assert_close(conv_kernel_gradient(w.shape, x, y.shape, g, **options), dw)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_borders_that_are_copied_send_their_gradient_back(kind, mode, rank):
    """With any padding mode they are what autograd finds."""
    lead = {"conv": 0, "tiled_conv": 2, "unshared_conv": 3}[kind]
    x = torch.randn(2, 2, *[5] * rank, dtype=torch.float64, requires_grad=True)
    w = torch.randn(*([lead] * rank if lead else []), 3, 2, *[3] * rank, dtype=torch.float64, requires_grad=True)
    options = {"stride": 2, "padding": [(2, 1)] * rank, "padding_mode": mode}
    y = getattr(ops, f"{kind}{rank}d")(x, w, **options)
    g = torch.randn_like(y)
    dx, dw = torch.autograd.grad(y, (x, w), g)
    torch.testing.assert_close(conv_input_gradient(w.detach(), x.shape, y, g, **options), dx)
    torch.testing.assert_close(conv_kernel_gradient(w.shape, x.detach(), y, g, **options), dw)


@pytest.mark.parametrize("tiles", [(), (2, 2)])
def test_they_can_be_differentiated_themselves(tiles):
    """Both are linear in both of their operands, and autograd knows."""
    x, w = torch.randn(1, 1, 4, 4).double(), torch.randn(*tiles, 2, 1, 2, 2).double()
    g = torch.randn(1, 2, 2, 2).double()
    for call, operands in (
        (lambda w, g: conv_input_gradient(w, x, None, g, 2), (w, g)),
        (lambda x, g: conv_kernel_gradient(w, x, None, g, 2), (x, g)),
    ):
        operands = tuple(t.requires_grad_() for t in operands)
        torch.autograd.gradcheck(call, operands)
        torch.autograd.gradgradcheck(call, operands)


X, W, G = torch.zeros(2, 3, 8, 8), torch.zeros(4, 3, 3, 3), torch.zeros(2, 4, 6, 6)
MAPS = (
    "{}: the maps are not those of one convolution.\n"
    "  output    (2, 4, 6, 6)\n"
    "  gradient  (2, 4, 6, 6)\n"
    "  input     (2, 3, 8, 8)\n"
    "Pass output and gradient as (N=2, K=4, P=3, Q=3), or another input, stride, padding or dilation."
)
# (what is wrong, the call, the whole message)
REFUSALS = [
    ("another stride", lambda: conv_input_gradient(W, X, G, G, 2), MAPS.format("conv_input_gradient")),
    ("and for the kernels", lambda: conv_kernel_gradient(W, X, G, G, 2), MAPS.format("conv_kernel_gradient")),
    (
        "kernels of another rank",
        lambda: conv_input_gradient(W[0], X, G, G),
        "conv_input_gradient: weight and input do not belong together.\n  weight  (3, 3, 3)\n  input   (2, 3, 8, 8)\n"
        "Pass input as (N, C, *size), and weight as (K, C/groups, *kernel) or, if kernels take turns, as "
        "(*tiles, K, C/groups, *kernel).",
    ),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("call", "message"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_maps_of_another_convolution_are_refused(call, message):
    """The message names the sizes that there must be."""
    with pytest.raises(ShapeError) as error:
        call()
    assert str(error.value) == message


@given(problems(ranks=(2,)))
@settings(max_examples=60)
def test_the_engine_computes_two_dimensions(problem):
    """In 32 bits, by our algorithms alone: the numbers of double precision."""
    x, w, g = problem.input(), problem.weight(), problem.output()
    options = {**problem.settings, "flip": problem.flip}
    with engine.reproducible():
        dx = conv_input_gradient(w.float(), x.shape, None, g.float(), **options)
        dw = conv_kernel_gradient(w.shape, x.float(), None, g.float(), **options)
    torch.testing.assert_close(dx.double(), conv_input_gradient(w, x, None, g, **options), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(dw.double(), conv_kernel_gradient(w, x, None, g, **options), rtol=1e-4, atol=1e-3)
