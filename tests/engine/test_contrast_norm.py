"""engine.contrast_norm: what PyTorch's functions make of the definition, and its gradients, however the maps lie."""

import pytest
import torch

from striate.engine.contrast_norm import Contrast, contrast_norm
from striate.ops import local_contrast_norm, max_pool2d
from striate.ops.contrast_norm import _by_torch as by_torch  # the definition, for any dtype
from striate.ops.contrast_norm import gaussian

LAYOUTS = {"first": torch.contiguous_format, "last": torch.channels_last}
layouts = pytest.mark.parametrize("layout", LAYOUTS)
# Windows smaller and larger than the image, whole vectors and less of positions and channels.
CASES = [((2, 3, 9, 11), (3, 5)), ((1, 33, 8, 40), (9, 9)), ((2, 16, 5, 4), (9, 1)), ((3, 1, 1, 70), (1, 7))]
STEPS = {"both": (True, True), "subtractive": (True, False), "divisive": (False, True)}


def maps(shape, layout, seed=0):
    """Strong contrast in one half, weak in the other."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    x[..., shape[-1] // 2 :] *= 0.1
    return (x + 0.5).contiguous(memory_format=LAYOUTS[layout])


def both(x, kernel, together=True, steps=(True, True), threshold=0.0):
    """By ours, and by the definition in double precision."""
    down, across = (gaussian(n) for n in kernel)
    given = {"windows": [down, across], "across": together, "steps": steps, "threshold": threshold or "mean"}
    found = contrast_norm(
        x, Contrast([1.0], down, across, 1, together, *steps, threshold), lambda x: by_torch(x, **given)
    )
    double = x.detach().double().requires_grad_()
    return found, by_torch(double, **given), double


@layouts
@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("threshold", [0.0, 0.4])
def test_norm_and_gradient_are_those_of_double_precision(threshold, steps, together, layout):
    """In the layout of the input."""
    for shape, kernel in CASES:
        x = maps(shape, layout).requires_grad_()
        found, want, double = both(x, kernel, together, STEPS[steps], threshold)
        assert found.stride() == x.stride()
        torch.testing.assert_close(found.double(), want, rtol=1e-5, atol=1e-5)
        arriving = maps(shape, layout, 1)
        (slope,) = torch.autograd.grad(found, x, arriving)
        (right,) = torch.autograd.grad(want, double, arriving.double())
        torch.testing.assert_close(slope.double(), right, rtol=1e-4, atol=float(1e-5 * right.abs().max()))


VOLUMES = [
    ((2, 3, 5, 9, 31), (3, 5, 9), True),
    ((1, 33, 4, 8, 6), (9, 3, 1), True),
    ((2, 4, 7, 16, 16), 5, False),
    ((1, 3, 1, 40, 50), 9, True),
]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("threshold", ["mean", 0.4])
def test_volumes_are_those_of_double_precision(threshold, steps, layout):
    """Norm and gradient, in the layout of the input: windows deeper than the volume too, maps together and alone."""
    for shape, kernel, together in VOLUMES:
        x = maps(shape, "first").contiguous(memory_format=layout).requires_grad_()
        double = x.detach().double().requires_grad_()
        subtractive, divisive = STEPS[steps]
        given = {"across": together, "subtractive": subtractive, "divisive": divisive, "threshold": threshold}
        found, want = (local_contrast_norm(each, kernel, **given) for each in (x, double))
        assert found.is_contiguous(memory_format=layout)
        torch.testing.assert_close(found.double(), want, rtol=1e-5, atol=1e-5)
        arriving = maps(shape, "first", 1)
        (slope,) = torch.autograd.grad(found, x, arriving)
        (right,) = torch.autograd.grad(want, double, arriving.double())
        torch.testing.assert_close(slope.double(), right, rtol=1e-4, atol=float(1e-5 * right.abs().max()))


def test_slices_that_the_window_does_not_reach_are_as_many_images():
    """With a window of one slice and a threshold of its own, a volume is its slices, to the bit."""
    x = maps((2, 3, 6, 20, 41), "first")
    images = [local_contrast_norm(x[:, :, d], 9, threshold=0.2) for d in range(6)]
    assert local_contrast_norm(x, (1, 9, 9), threshold=0.2).equal(torch.stack(images, 2))


@layouts
@pytest.mark.parametrize("together", [True, False])
def test_what_is_flat_becomes_zeros_with_a_gradient_of_zero(together, layout):
    """Rounding errors of a subtraction are no contrast."""
    x = torch.full((1, 3, 30, 41), 0.3).contiguous(memory_format=LAYOUTS[layout]).requires_grad_()
    found, _, _ = both(x, (9, 9), together)
    assert not found.any()
    (slope,) = torch.autograd.grad(found, x, torch.randn_like(x))
    assert not slope.any()


@pytest.mark.parametrize("shape", [(1, 3, 70, 20), (1, 3, 4200), (1, 3, 6, 15, 16)])
def test_second_gradients_are_those_of_pytorch(shape):
    """The gradient of a gradient, with respect to the input."""
    x = maps(shape, "first").requires_grad_()
    double = x.detach().double().requires_grad_()

    def second(x):
        output = local_contrast_norm(x, 3)
        (first,) = torch.autograd.grad(output.square().sum(), x, create_graph=True)
        return torch.autograd.grad(first.square().sum(), x)[0].double()

    right = second(double)
    torch.testing.assert_close(second(x), right, rtol=1e-3, atol=float(1e-4 * right.abs().max()))


@pytest.mark.parametrize("shape", [(3, 20, 60, 41), (3, 20, 5, 12, 41)])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("together", [True, False])
def test_the_same_bits_on_any_threads_and_for_an_example_alone(together, last, shape):
    """Forward and backward; enough rows that a team begins, for many examples and within one."""
    layout = (torch.channels_last if len(shape) == 4 else torch.channels_last_3d) if last else torch.contiguous_format
    x = maps(shape, "first").contiguous(memory_format=layout).requires_grad_()
    before = torch.get_num_threads()

    def run(x):
        output = local_contrast_norm(x, 9, across=together)
        return output, torch.autograd.grad(output.square().sum(), x)[0]

    try:
        torch.set_num_threads(1)
        one = run(x)
        torch.set_num_threads(2)
        two = run(x)
        alone = run(x[1:2])
    finally:
        torch.set_num_threads(before)
    for a, b, c in zip(one, two, alone, strict=True):
        assert a.equal(b)
        assert a[1:2].equal(c)


def test_denormal_numbers_are_what_they_were_afterwards():
    """On every thread, those too that begin meanwhile."""
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        max_pool2d(torch.randn(1, 2, 64, 64), 2)  # a team of two
        local_contrast_norm(torch.randn(1, 4, 128, 128))  # more of them
        assert (torch.full((1 << 18,), 1e-39) * 1.0 > 0).all()
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("threshold", [1e-39, 1e-50])
def test_a_threshold_below_all_floats_is_not_the_mean(threshold):
    """The core takes 0 for the mean."""
    x = maps((1, 3, 30, 41), "first")
    want = local_contrast_norm(x.double(), threshold=threshold).float()
    torch.testing.assert_close(local_contrast_norm(x, threshold=threshold), want, rtol=1e-4, atol=1e-4)
