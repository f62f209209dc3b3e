"""engine.deep: kernels of volumes, all of whose planes are taken at once, are the convolution by its definition."""

import pytest
import torch
from torch.nn import functional as F

from striate import engine, ops
from striate.engine.choice import chosen
from striate.engine.deep import Deep
from striate.engine.limits import limits
from striate.engine.plan_volume import slices_of
from striate.engine.volume import VolumeProblem

# Input, weight and padding: whole tiles and less, vectors of channels and less, more slices out than in and fewer.
CASES = {
    "same": ((2, 16, 5, 21, 23), (24, 16, 3, 3, 3), 1),
    "cut": ((1, 17, 6, 30, 30), (9, 17, 3, 3, 3), 0),
    "wide": ((1, 8, 2, 24, 40), (40, 8, 3, 3, 3), (2, 0, 1)),
    "two planes": ((2, 3, 4, 25, 28), (16, 3, 2, 3, 3), (1, 1, 0)),
}
layouts = pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])


def drawn(case, layout):
    """Volumes, kernels, a bias and a gradient that arrives."""
    shape, kernels, padding = CASES[case]
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=generator).contiguous(memory_format=layout)
    weight, bias = (torch.randn(size, generator=generator) for size in (kernels, kernels[:1]))
    return x, weight, bias, padding


@layouts
@pytest.mark.parametrize("case", CASES)
def test_output_and_gradients_are_those_of_double_precision(case, layout):
    """Forward and back both take all planes at once, whatever the layout; the weight's gradient is as ever."""
    x, weight, bias, padding = drawn(case, layout)
    given = [each.requires_grad_() for each in (x, weight, bias)]
    double = [each.detach().double().requires_grad_() for each in given]
    with engine.use("winograd-4x4"):
        problem = VolumeProblem.of(x.shape, weight.shape, padding=padding)
        slices = slices_of(problem, 1, chosen(), limits())
        assert slices._deep is not None
        assert slices._deep_back is not None
        found = ops.conv3d(*given, padding=padding)
        arriving = torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
        gradients = torch.autograd.grad(found, given, arriving)
    want = F.conv3d(*double, padding=padding)
    right = torch.autograd.grad(want, double, arriving.double())
    for ours, exact in zip((found, *gradients), (want, *right), strict=True):
        least = float(3e-6 * exact.detach().abs().max())
        torch.testing.assert_close(ours.double(), exact, rtol=0, atol=least)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_same_bits_on_any_threads_and_for_a_volume_alone(dtype):
    """Tiles are dealt out as the sizes say, sums never are."""
    *tensors, padding = drawn("same", torch.contiguous_format)
    x, weight, bias = (each.to(dtype) for each in tensors)
    before = torch.get_num_threads()
    try:
        found = []
        for threads, some in ((1, x), (2, x), (2, x[1:])):
            torch.set_num_threads(threads)
            with engine.use("winograd-4x4"):
                found.append(ops.conv3d(some, weight, bias, padding=padding))
    finally:
        torch.set_num_threads(before)
    assert found[0].equal(found[1])
    assert found[0][1:].equal(found[2])


@pytest.mark.parametrize(
    ("shape", "kernels", "settings"),
    [
        ((1, 64, 4, 30, 30), (64, 64, 3, 3, 3), {"padding": 1}),  # weights too large
        ((1, 8, 4, 9, 9), (8, 8, 3, 3, 3), {"padding": 1}),  # too few tiles
        ((1, 8, 6, 30, 30), (8, 8, 3, 3, 3), {"padding": 1, "dilation": (2, 1, 1)}),
        ((1, 8, 6, 30, 30), (8, 8, 3, 3, 3), {"padding": 1, "stride": (2, 1, 1)}),
        ((1, 8, 3, 30, 30), (8, 8, 2, 3, 3), {"padding": (2, 1, 1)}),  # slices of zeros
    ],
)
def test_others_go_plane_by_plane(shape, kernels, settings):
    """With the same result."""
    generator = torch.Generator().manual_seed(0)
    x, weight = (torch.randn(size, generator=generator) for size in (shape, kernels))
    with engine.use("winograd-4x4"):
        assert slices_of(VolumeProblem.of(shape, kernels, **settings), 1, chosen(), limits())._deep is None
        found = ops.conv3d(x, weight, **settings)
    want = F.conv3d(x.double(), weight.double(), **settings)
    torch.testing.assert_close(found.double(), want, rtol=0, atol=float(3e-6 * want.abs().max()))


@layouts
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("kernel", "padding", "stride"),
    [
        ((3, 3, 3), 1, 1),
        ((3, 3, 3), 1, (1, 2, 2)),  # no rows that two outputs share; back there are phases
        ((2, 5, 5), (1, 2, 0), 1),
        ((3, 4, 4), 1, 1),  # of a width that is not known
        ((3, 4, 11), (1, 3, 5), 1),  # taps in runs, of which no output has all
    ],
)
def test_depthwise_kernels_of_volumes(kernel, padding, stride, dtype, layout):
    """All planes at once, forward and back, on channels that fill vectors and more: sums as they are defined."""
    generator = torch.Generator().manual_seed(0)
    x, weight, bias = (
        torch.randn(size, generator=generator, dtype=dtype) for size in ((2, 37, 4, 9, 17), (37, 1, *kernel), (37,))
    )
    given = [each.requires_grad_() for each in (x.contiguous(memory_format=layout), weight, bias)]
    double = [each.detach().double().requires_grad_() for each in given]
    settings = {"padding": padding, "stride": stride, "groups": 37}
    with engine.use("depthwise"):
        slices = slices_of(VolumeProblem.of(x.shape, weight.shape, **settings), 1, chosen(), limits())
        assert slices._deep is not None
        found = ops.conv3d(*given, **settings)
        arriving = torch.randn(found.shape, generator=generator, dtype=dtype)
        gradients = torch.autograd.grad(found, given, arriving)
    want = F.conv3d(*double, **settings)
    right = torch.autograd.grad(want, double, arriving.double())
    for ours, exact in zip((found, *gradients), (want, *right), strict=True):
        least = float(3e-6 * exact.detach().abs().max())
        torch.testing.assert_close(ours.double(), exact, rtol=0, atol=least)


def test_it_says_why_not():
    """In the core's words."""
    problem = VolumeProblem.of((1, 8, 4, 9, 9), (8, 8, 3, 3, 3), padding=1)
    with engine.use("winograd-4x4"):
        slices = slices_of(problem, 1, chosen(), limits())
        place = slices._place("forward", 4)
    found = Deep(slices._image(1), "forward", place, (1, 4, 4, 3, 1), 1)
    assert found.declined == "its slices are too small"


def test_it_says_that_a_stride_has_phases():
    """Back, each is a convolution of its own."""
    problem = VolumeProblem.of((1, 16, 4, 9, 9), (16, 1, 3, 3, 3), padding=1, stride=(1, 2, 2), groups=16)
    with engine.use("depthwise"):
        slices = slices_of(problem, 1, chosen(), limits())
        back = Deep(slices._image(1), "input gradient", slices._place("input gradient", 4), (1, 4, 4, 3, 1), 1)
        assert slices._deep is not None
        assert slices._deep_back is None
    assert back.declined == "back it is one convolution for each phase of the stride"
