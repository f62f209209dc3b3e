"""engine.avg_pool: PyTorch's means in both layouts, and their gradients, whatever counts as a sample."""

import pytest
import torch
from torch.nn import functional as F

from striate.engine.avg_pool import avg_pool2d, avg_pool3d

LAYOUTS = {"first": torch.contiguous_format, "last": torch.channels_last}
layouts = pytest.mark.parametrize("layout", LAYOUTS)
# Taps, stride, padding: each way that the kernels go, known numbers of taps and others.
WINDOWS = {
    "3/2": (3, 2, 0),
    "3/2 padded": (3, 2, 1),
    "3/1 padded": (3, 1, 1),
    "2/2": (2, 2, 0),
    "5/3": (5, 3, 2),
    "apart": (1, 2, 0),
    "oblong": ((2, 5), (3, 1), (1, 2)),
}
MODES = {"all": {}, "without padding": {"count_include_pad": False}, "divisor": {"divisor_override": 7}}
ceil = pytest.mark.parametrize("ceil_mode", [False, True])


def pair(n):
    return (n, n) if isinstance(n, int) else n


def pooled(x, window, ceil_mode, options):
    """By ours."""
    taps, stride, padding = map(pair, WINDOWS[window])
    positions = wanted(x, window, ceil_mode, options).shape[2:]
    divisor = (options.get("divisor_override", 0), *padding), options.get("count_include_pad", True)
    return avg_pool2d(
        x, tuple(positions), (taps, stride, padding, (1, 1)), divisor, lambda x: wanted(x, window, ceil_mode, options)
    )


def wanted(x, window, ceil_mode, options):
    """By PyTorch's."""
    return F.avg_pool2d(x, *WINDOWS[window], ceil_mode=ceil_mode, **options)


def image(shape, layout, seed=0):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return x.contiguous(memory_format=LAYOUTS[layout])


@layouts
@ceil
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("window", WINDOWS)
def test_means_and_gradients_are_pytorchs(window, mode, ceil_mode, layout):
    """In the same layout; of a row shorter than a vector, of several, and of strips."""
    for shape in [(2, 3, 9, 11), (1, 33, 8, 40), (1, 2, 7, 300)]:
        x = image(shape, layout).requires_grad_()
        given = window, ceil_mode, MODES[mode]
        found, want = pooled(x, *given), wanted(x, *given)
        assert found.stride() == want.stride()
        torch.testing.assert_close(found, want)
        arriving = image(want.shape, layout, 1)
        torch.testing.assert_close(torch.autograd.grad(found, x, arriving), torch.autograd.grad(want, x, arriving))


@layouts
def test_second_gradients_are_pytorchs(layout):
    """Pooling is linear: the gradient of its gradient is the pooling."""
    x = image((2, 3, 9, 21), layout).requires_grad_()
    arriving = image((2, 3, 4, 10), layout).requires_grad_()
    (first,) = torch.autograd.grad(pooled(x, "3/2", False, {}), x, arriving, create_graph=True)
    (found,) = torch.autograd.grad(first, arriving, x.detach())
    torch.testing.assert_close(found, F.avg_pool2d(x.detach(), 3, 2))


@layouts
def test_the_same_bits_on_any_threads_and_for_an_image_alone(layout):
    """Forward and backward; enough rows that a team begins."""
    x = image((3, 20, 60, 41), layout).requires_grad_()
    before = torch.get_num_threads()

    def both(x):
        output = pooled(x, "3/2 padded", False, {})
        return output, torch.autograd.grad(output.square().sum(), x)[0]

    try:
        torch.set_num_threads(1)
        one = both(x)
        torch.set_num_threads(2)
        two = both(x)
        alone = both(x[1:2])
    finally:
        torch.set_num_threads(before)
    for a, b, c in zip(one, two, alone, strict=True):
        assert a.equal(b)
        assert a[1:2].equal(c)


@layouts
@ceil
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("window", [(3, 2, 1), (2, 2, 0), ((2, 3, 1), (1, 2, 3), (1, 0, 0))])
def test_of_volumes_means_and_gradients_are_pytorchs(window, mode, ceil_mode, layout):
    """They lie as the volumes do; what a sum is divided by is the product of what it is along each axis."""
    kinds = {"first": torch.contiguous_format, "last": torch.channels_last_3d}
    x = image((2, 5, 7, 99), "first").view(2, 5, 7, 9, 11).contiguous(memory_format=kinds[layout]).requires_grad_()

    def by_torch(x):
        return F.avg_pool3d(x, *window, ceil_mode=ceil_mode, **MODES[mode])

    taps, stride, padding = ((n, n, n) if isinstance(n, int) else n for n in window)
    divisor = (MODES[mode].get("divisor_override", 0), *padding), MODES[mode].get("count_include_pad", True)
    want = by_torch(x)
    found = avg_pool3d(x, want.shape[2:], (taps, stride, padding, (1, 1, 1)), divisor, by_torch)
    assert found.is_contiguous(memory_format=kinds[layout])  # PyTorch's are planes whatever they are of
    arriving = torch.randn(want.shape, generator=torch.Generator().manual_seed(1)).requires_grad_()
    first = [torch.autograd.grad(y, x, arriving, create_graph=True)[0] for y in (found, want)]
    torch.testing.assert_close([found, first[0]], [want, first[1]])
    torch.testing.assert_close(*(torch.autograd.grad(g.square().sum(), arriving)[0] for g in first))
