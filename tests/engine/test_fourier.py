"""engine.fourier: convolution and its gradients by transforms of tiles, along any number of axes."""

import pytest
import torch
from scipy import signal
from torch.nn import functional as F

from striate.engine.fourier import Fourier, turned
from striate.engine.tiling import Tiling

# Input, weight, sides, dilation, groups: odd sizes, uneven padding, cut inputs, kernels as large as images, axes of 1.
CASES = {
    "1-D": ((2, 3, 50), (4, 3, 7), ((3, 2),), (1,), 1),
    "1-D long": ((1, 1, 3000), (1, 1, 200), ((0, 199),), (1,), 1),
    "1-D dilated": ((2, 4, 61), (6, 2, 5), ((4, 9),), (3,), 2),
    "2-D": ((3, 5, 19, 23), (4, 5, 6, 5), ((2, 3), (1, 4)), (1, 1), 1),
    "2-D tiles": ((2, 3, 150, 41), (2, 3, 9, 9), ((4, 4), (0, 0)), (1, 1), 1),
    "2-D depthwise": ((2, 6, 20, 18), (6, 1, 7, 7), ((3, 3), (3, 3)), (1, 1), 6),
    "2-D grouped and dilated": ((2, 6, 20, 18), (9, 2, 3, 5), ((0, 6), (2, 1)), (2, 3), 3),
    "2-D cut": ((1, 2, 20, 18), (3, 2, 5, 5), ((-3, 2), (1, -4)), (1, 1), 1),
    "2-D of a row": ((2, 2, 1, 40), (3, 2, 1, 9), ((0, 0), (4, 4)), (1, 1), 1),
    "2-D far outside": ((1, 2, 6, 6), (3, 2, 3, 3), ((40, 2), (2, 40)), (1, 1), 1),
    "3-D": ((2, 2, 7, 12, 9), (3, 2, 3, 4, 5), ((1, 1), (2, 0), (0, 3)), (1, 1, 1), 1),
}
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
by_case = pytest.mark.parametrize("case", CASES)


def drawn(of):
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(s, generator=generator, dtype=of.dtype) for s in (of.input, of.weight, of.output, of.weight[:1])
    ]


def prepared(of, weight, threads=1):
    numbers = torch.full((of.prepared,), torch.nan, dtype=of.dtype)
    of.prepare(weight, numbers, threads)
    return numbers


def exact(of, x, weight, bias=None):
    pads = [n for side in reversed(of.sides) for n in side]
    padded = F.pad(F.pad(x.double(), [max(0, n) for n in pads]), [min(0, n) for n in pads])
    bias = None if bias is None else bias.double()
    return CONV[len(of.sides)](padded, weight.double(), bias, 1, 0, of.dilation, of.groups)


def near(got, want):
    return (got - want).abs().max() <= {torch.float32: 1e-5, torch.float64: 1e-13}[got.dtype] * want.abs().max()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@by_case
def test_the_output_and_both_gradients_are_those_of_the_definition(case, dtype):
    """Against PyTorch's convolution in double precision, and its gradients."""
    of = Fourier(*CASES[case], dtype)
    x, weight, gradient, bias = drawn(of)
    left, right = x.double().requires_grad_(), weight.double().requires_grad_()
    want = exact(of, left, right, bias)
    of_input, of_weight = torch.autograd.grad(want, (left, right), gradient.double())
    assert near(of.convolve(x, prepared(of, weight), bias, 1), want)
    back = of.turned
    assert near(back.convolve(gradient, prepared(back, turned(weight, of.groups)), None, 1), of_input)
    got = torch.full_like(weight, torch.nan)
    of.weight_gradient(gradient, x, got, 1)
    assert near(got, of_weight)


def test_it_is_scipys_correlation_and_with_a_flipped_kernel_its_convolution():
    """Two oracles that are not PyTorch."""
    of = Fourier((1, 1, 30, 41), (1, 1, 8, 5), ((7, 7), (4, 4)), (1, 1), 1, torch.float64)
    x, weight, _, _ = drawn(of)
    both = ((weight, signal.correlate), (weight.flip(2, 3), signal.convolve))
    for kernel, oracle in both:
        want = torch.from_numpy(oracle(x[0, 0].numpy(), weight[0, 0].numpy(), mode="full", method="direct"))
        assert near(of.convolve(x, prepared(of, kernel), None, 1)[0, 0], want)


@by_case
def test_bits_depend_neither_on_the_batch_nor_on_the_threads(case):
    """Each image alone, and all of them on two threads."""
    of = Fourier(*CASES[case])
    x, weight, gradient, bias = drawn(of)
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            got = torch.empty_like(weight)
            of.weight_gradient(gradient, x, got, threads)
            found.append((of.convolve(x, prepared(of, weight, threads), bias, threads), got))
    finally:
        torch.set_num_threads(before)
    assert all(map(torch.equal, *found))
    one = Fourier((1, *of.input[1:]), *CASES[case][1:])
    for image, whole in zip(x.split(1), found[0][0].split(1), strict=True):
        assert torch.equal(one.convolve(image, prepared(one, weight), bias, 1), whole)


@by_case
def test_any_layout_of_memory_will_do(case):
    """Numbers with channels last, and with steps between."""
    of = Fourier(*CASES[case])
    x, weight, _, _ = drawn(of)
    want = of.convolve(x, prepared(of, weight), None, 1)
    other = x.movedim(1, -1).contiguous().movedim(-1, 1)
    apart = torch.stack([weight, weight], -1)[..., 0]
    assert torch.equal(of.convolve(other, prepared(of, apart), None, 1), want)


def test_what_is_not_finite_spoils_its_tile():
    """The image beyond the tile stays what it is."""
    of = Fourier((1, 1, 4000), (1, 1, 100), ((0, 0),), (1,), 1)
    of.__dict__["tiles"] = Tiling(of.extent, (500,))
    x, weight, _, _ = drawn(of)
    want = of.convolve(x, prepared(of, weight), None, 1)
    x[0, 0, 3900] = torch.nan
    got = of.convolve(x, prepared(of, weight), None, 1)
    last = (of.tiles.count[0] - 1) * of.tiles.step[0]
    assert got[..., last:].isnan().all()
    assert torch.equal(got[..., : 3900 - 500], want[..., : 3900 - 500])


def test_blocks_of_tiles_make_the_same(monkeypatch):
    """However little is taken together, the output has the same bits, and a gradient the same value."""
    of = Fourier(*CASES["2-D tiles"])
    x, weight, gradient, bias = drawn(of)
    want, found = of.convolve(x, prepared(of, weight), bias, 1), torch.empty_like(weight)
    of.weight_gradient(gradient, x, found, 1)
    for most in (1, 2, 3):
        less = Fourier(*CASES["2-D tiles"])
        for cut in (less.tiles, less.weight_tiles):
            monkeypatch.setitem(cut.__dict__, "together", most)
        assert torch.equal(less.convolve(x, prepared(less, weight), bias, 1), want)
        got = torch.full_like(weight, torch.nan)
        less.weight_gradient(gradient, x, got, 1)
        assert near(got, found)


def test_workspace_is_what_is_taken_of_it():
    """More threads and more images never take less."""
    of = Fourier((1, 16, 60, 60), (16, 16, 9, 9), ((4, 4), (4, 4)), (1, 1), 1)
    more = Fourier((8, *of.input[1:]), of.weight, of.sides, of.dilation, 1)
    for of_weight in (False, True):
        assert 0 < of.workspace_bytes(1, of_weight=of_weight) <= of.workspace_bytes(2, of_weight=of_weight)
        assert of.workspace_bytes(1, of_weight=of_weight) < more.workspace_bytes(1, of_weight=of_weight)
