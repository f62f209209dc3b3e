"""engine.unshared: the plain loop's sums and gradients, however the images lie, the same bits whatever is around."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from family import geometry, positions_of, problems, tiles_for
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from striate.engine import isas, reproducible
from striate.engine.unshared import Geometry, forward, input_gradient, kernel_gradient, refuses
from striate.ops import tiled_conv2d

USABLE = [name for name, reason in isas().items() if not reason]
PLAIN = Geometry((24, 24), (3, 3), (24, 24), (1, 1), (1, 1), (1, 1), (1, 1), 1, False)

# Of an image with its axes (N, C, *size): as made, channels last, every second number, the size turned round.
LAYOUTS = {
    "planes": lambda t: t.contiguous(),
    "last": lambda t: t.movedim(1, -1).contiguous().movedim(-1, 1),
    "apart": lambda t: torch.stack([t, t], -1).flatten(-2)[..., ::2],
    "turned": lambda t: t.transpose(1, -1).contiguous().transpose(1, -1),
    "one": lambda t: t[:1].expand_as(t),
}


@given(problems(), st.integers(0, 5), st.sampled_from(list(LAYOUTS)))
@settings(max_examples=150)
def test_sums_and_gradients_are_those_of_the_plain_loop(problem, turn, layout):
    """One to three dimensions, strides, dilation, groups, padding a side, flipped: in double precision, to rounding."""
    assume(problem.batch)
    tiles = tiles_for(problem, turn)
    g, lay = geometry(problem, tiles), LAYOUTS[layout]
    x, w, y = lay(problem.input().float()), problem.weight(tiles).float(), lay(problem.output().float())
    with reproducible():
        assert not refuses(x, w, w.shape, g)
    exact = [t.double().requires_grad_() for t in (x, w)]
    want = positions_of(problem, *exact)
    dx, dw = torch.autograd.grad(want, exact, y.double())
    close = {"rtol": 1e-5, "atol": 2e-5}
    torch.testing.assert_close(forward(x, w, g).double(), want.detach(), **close)
    torch.testing.assert_close(input_gradient(y, w, g).double(), dx, **close)
    torch.testing.assert_close(kernel_gradient(x, y, w.shape, g).double(), dw, **close)


def drawn(g, batch, channels, kernels):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(batch, channels, *g.size, generator=generator)
    w = torch.randn(*g.tiles, kernels, channels // g.groups, *g.kernel, generator=generator)
    return x, w, torch.randn(batch, kernels, *g.positions, generator=generator)


@pytest.mark.parametrize("tiles", [(24, 24), (2, 2), (1, 5), (1, 1)])
@pytest.mark.parametrize("groups", [1, 3])
def test_the_same_bits_on_any_threads_and_for_an_image_alone(tiles, groups):
    """Enough work that a team begins; a gradient of kernels sums over the batch, so it has no image alone."""
    g = replace(PLAIN, tiles=tiles, groups=groups)
    x, w, y = drawn(g, 11, 12, 9)
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append((forward(x, w, g), input_gradient(y, w, g), kernel_gradient(x, y, w.shape, g)))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(a.equal(b) for a, b in zip(found[0], other, strict=True))
    assert forward(x[4:5], w, g).equal(found[0][0][4:5])
    assert input_gradient(y[4:7], w, g).equal(found[0][1][4:7])


def test_a_result_is_no_view():
    """Whoever calls may change it in place: PyTorch forbids that of an operator's view, and a bias is added so."""
    x, w, y = drawn(PLAIN, 1, 3, 64)
    assert not any(t._is_view() for t in (forward(x, w, PLAIN), input_gradient(y, w, PLAIN)))
    assert not kernel_gradient(x, y, w.shape, PLAIN)._is_view()


@pytest.mark.parametrize("kernels", [3, 4, 31])
def test_long_sums_are_exact_where_they_can_be(kernels):
    """Sums of ones, longer than what is summed at once, count them; one position, and kernels that nobody uses."""
    g = Geometry((3, 3), (3, 3), (2, 1), (1, 1), (0, 0), (0, 0), (1, 1), 1, False)
    x, w = torch.ones(2, 600, 3, 3), torch.ones(2, 1, kernels, 600, 3, 3)
    assert forward(x, w, g).equal(torch.full((2, kernels, 1, 1), 5400.0))
    found = kernel_gradient(x, torch.ones(2, kernels, 1, 1), w.shape, g)
    assert found[0].eq(2).all()
    assert found[1].eq(0).all()


def test_one_kernel_is_pytorchs_convolution():
    """Tiles of one, against its own, of three dimensions."""
    g = Geometry((5, 6, 7), (3, 2, 3), (1, 1, 1), (1, 2, 1), (1, 0, 2), (1, 0, 2), (1, 1, 2), 2, False)
    x, w, _ = drawn(g, 3, 4, 6)
    want = F.conv3d(x, w[0, 0, 0], None, (1, 2, 1), (1, 0, 2), (1, 1, 2), 2)
    torch.testing.assert_close(forward(x, w, g), want, rtol=1e-5, atol=1e-5)


def test_kernels_that_do_not_lie_one_after_the_other():
    """They are copied; the images are not."""
    x, w, y = drawn(PLAIN, 2, 3, 4)
    turned = w.transpose(0, 1).contiguous().transpose(0, 1)
    assert forward(x, turned, PLAIN).equal(forward(x, w, PLAIN))
    assert input_gradient(y, turned, PLAIN).equal(input_gradient(y, w, PLAIN))


def test_gradients_are_as_reproducible_as_what_was_computed():
    """Wherever `backward` is called: small matrices of many images are PyTorch's otherwise."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 4, 7, 7, generator=generator, requires_grad=True)
    weight = torch.randn(2, 2, 2, 4, 3, 3, generator=generator)
    with reproducible():
        output = tiled_conv2d(x, weight)
        (inside,) = torch.autograd.grad(output.sum(), x, retain_graph=True)
    (outside,) = torch.autograd.grad(output.sum(), x)
    assert outside.equal(inside)


@pytest.mark.parametrize("name", USABLE)
def test_every_instruction_set_computes(name):
    """STRIATE_ISA=X gives the same sums, to rounding."""
    code = (
        "import torch\nfrom striate.engine.unshared import Geometry, forward\nfrom torch.nn import functional as F\n"
        "torch.manual_seed(0)\ng = Geometry((9,), (3,), (1,), (1,), (1,), (1,), (1,), 1, False)\n"
        "x, w = torch.randn(2, 7, 9), torch.randn(1, 5, 7, 3)\n"
        "torch.testing.assert_close(forward(x, w, g), F.conv1d(x, w[0], padding=1), rtol=1e-5, atol=1e-5)"
    )
    environment = os.environ | {"STRIATE_ISA": name}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


FLAT = Geometry((4,), (3,), (2,), (1,), (0,), (0,), (1,), 1, False)
REFUSALS = [
    ("not 32-bit floats in the memory of the processor", (1, 2, 4), {"dtype": torch.float64}, FLAT),
    ("not 32-bit floats in the memory of the processor", (1, 2, 4), {"device": "meta"}, FLAT),
    ("over three spatial axes", (1, 2, 4, 4, 4, 4), {}, replace(FLAT, size=(4, 4, 4, 4))),
    ("nothing to compute", (0, 2, 4), {}, FLAT),
    ("small matrices, many images", (8, 2, 4), {}, FLAT),
    ("", (7, 2, 4), {}, FLAT),
]


@pytest.mark.parametrize(("reason", "size", "made", "g"), REFUSALS, ids=[f"{r[0]} {r[2]}" for r in REFUSALS])
def test_what_declines_says_why(reason, size, made, g):
    """One reason at a time; within `reproducible` small matrices are none."""
    x, w = torch.empty(size, **made), torch.empty(2, 5, 2, 3)
    assert refuses(x, w, w.shape, g) == reason
    with reproducible():
        assert refuses(x, w, w.shape, g) == ("" if reason.startswith("small") else reason)
