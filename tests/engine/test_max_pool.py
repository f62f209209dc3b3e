"""engine.max_pool: PyTorch's maxima and switches, to the bit, in both layouts, and their gradients."""

import pytest
import torch
from torch.nn import functional as F

from striate.engine.max_pool import max_pool2d, max_pool3d, max_unpool2d

LAYOUTS = {"first": torch.contiguous_format, "last": torch.channels_last}
layouts = pytest.mark.parametrize("layout", LAYOUTS)
# Taps, stride, padding, dilation: each way that the kernels go, known numbers of taps and others.
WINDOWS = {
    "3/2": (3, 2, 0, 1),
    "3/2 padded": (3, 2, 1, 1),
    "3/1 padded": (3, 1, 1, 1),
    "2/2": (2, 2, 0, 1),
    "5/3": (5, 3, 2, 1),
    "dilated": (3, 1, 1, 2),
    "1": (1, 1, 0, 1),
    "oblong": ((2, 5), (3, 1), (1, 2), (2, 1)),
}
windows = pytest.mark.parametrize("window", WINDOWS)
# One row of a vector and less; several of them; strips of a long row with channels last.
SHAPES = [(2, 3, 9, 11), (1, 33, 8, 40), (1, 2, 7, 300)]


def image(shape, layout, values="normal"):
    """Numbers, some of them equal, not a number, or infinitely small."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=generator)
    some = torch.rand(shape, generator=generator)
    kinds = {
        "normal": x,
        "ties": (2 * x).round(),
        "nan": torch.where(some < 0.03, torch.nan, x),
        "lowest": torch.where(some < 0.9, -torch.inf, x),
    }
    return kinds[values].contiguous(memory_format=LAYOUTS[layout])


def pooled(x, window, **options):
    """By ours."""
    taps, stride, padding, dilation = ((n, n) if isinstance(n, int) else n for n in WINDOWS[window])
    rows = zip(x.shape[2:], taps, stride, padding, dilation, strict=True)
    positions = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in rows)
    return max_pool2d(x, positions, (taps, stride, padding, dilation), lambda x: wanted(x, window), **options)


def wanted(x, window, **options):
    """By PyTorch's."""
    return F.max_pool2d(x, *WINDOWS[window], **options)


@layouts
@windows
@pytest.mark.parametrize("values", ["normal", "ties", "nan", "lowest"])
def test_maxima_and_switches_are_pytorchs(values, window, layout):
    """To the bit, in the same layout; of equals the first, of NaN the last."""
    for shape in SHAPES:
        x = image(shape, layout, values)
        want = wanted(x, window, return_indices=True)
        alone, both = pooled(x, window), pooled(x, window, return_indices=True)
        for found, right in zip((*alone, *both), (want[0], *want), strict=True):
            assert found.stride() == right.stride()
            torch.testing.assert_close(found, right, rtol=0, atol=0, equal_nan=True)


@layouts
@windows
def test_gradients_are_pytorchs(window, layout):
    """First and second ones, with samples that several windows share."""
    x = image((2, 3, 9, 21), layout, "ties").requires_grad_()

    def gradients(pool):
        output = pool(x, window)
        arriving = image(output.shape, layout).requires_grad_()
        first = torch.autograd.grad(output, x, arriving)
        (again,) = torch.autograd.grad(pool(x, window), x, arriving, create_graph=True)
        return *first, *torch.autograd.grad(again.square().sum(), arriving)

    torch.testing.assert_close(gradients(lambda *given: pooled(*given)[0]), gradients(wanted))


VOLUME_WINDOWS = {
    "3/2": (3, 2, 1, 1),
    "2/2": (2, 2, 0, 1),
    "dilated": (3, 1, 1, 2),
    "oblong": ((2, 3, 1), (1, 2, 3), (1, 0, 0), (2, 1, 1)),
}
VOLUME_LAYOUTS = {"first": torch.contiguous_format, "last": torch.channels_last_3d}


def volume(layout, values):
    """Numbers as of an image."""
    flat = image((2, 5, 7, 9 * 11), "first", values)
    return flat.view(2, 5, 7, 9, 11).contiguous(memory_format=VOLUME_LAYOUTS[layout])


def pooled_volume(x, window, **options):
    """By ours."""
    steps = tuple((n, n, n) if isinstance(n, int) else n for n in VOLUME_WINDOWS[window])
    rows = zip(x.shape[2:], *steps, strict=True)
    positions = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in rows)
    return max_pool3d(x, positions, steps, lambda x: F.max_pool3d(x, *VOLUME_WINDOWS[window]), **options)


@layouts
@pytest.mark.parametrize("window", VOLUME_WINDOWS)
@pytest.mark.parametrize("values", ["normal", "ties", "nan", "lowest"])
def test_of_volumes_maxima_and_switches_are_pytorchs(values, window, layout):
    """To the bit, in the same layout; of equals the first, of NaN the last, through all slices.

    Where all is infinitely small, PyTorch's switch is the first place of the volume; ours is the window's first,
    as in images.
    """
    x = volume(layout, values)
    want, switches = F.max_pool3d(x, *VOLUME_WINDOWS[window], return_indices=True)
    (alone,), (both, found) = pooled_volume(x, window), pooled_volume(x, window, return_indices=True)
    for maxima in (alone, both):
        assert maxima.stride() == want.stride()
        torch.testing.assert_close(maxima, want, rtol=0, atol=0, equal_nan=True)
    assert found.stride() == switches.stride()
    none = want == -torch.inf
    assert found.masked_fill(none, 0).equal(switches.masked_fill(none, 0))
    assert x.flatten(2).gather(2, found.flatten(2)).flatten()[none.flatten()].eq(-torch.inf).all()


@layouts
@pytest.mark.parametrize("window", VOLUME_WINDOWS)
@pytest.mark.parametrize("return_indices", [False, True])
def test_of_volumes_gradients_are_pytorchs(return_indices, window, layout):
    """First and second ones, with samples that several windows share, switches returned or not."""
    x = volume(layout, "ties").requires_grad_()
    found = pooled_volume(x, window, return_indices=return_indices)[0]
    want = F.max_pool3d(x, *VOLUME_WINDOWS[window])
    arriving = torch.randn(want.shape, generator=torch.Generator().manual_seed(1)).requires_grad_()
    first = [torch.autograd.grad(y, x, arriving, create_graph=True)[0] for y in (found, want)]
    torch.testing.assert_close(*first)
    torch.testing.assert_close(*(torch.autograd.grad(g.square().sum(), arriving)[0] for g in first))


@layouts
def test_the_same_bits_on_any_threads_and_for_an_image_alone(layout):
    """Forward and backward; enough rows that a team begins."""
    x = image((3, 20, 60, 41), layout).requires_grad_()
    before = torch.get_num_threads()

    def both(x):
        (output,) = pooled(x, "3/2")
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
@pytest.mark.parametrize("last", [True, False])
def test_places_that_several_name_are_summed_or_keep_the_last(last, layout):
    """A loop over the samples in the order of the plane; the gradient goes where the numbers came from."""
    x = image((2, 17, 5, 6), layout).requires_grad_()
    indices = torch.randint(56, x.shape, generator=torch.Generator().manual_seed(1))
    places = indices.flatten(2)

    def by_torch(x, _=None):
        if not last:
            return x.new_zeros(2, 17, 56).scatter_add(2, places, x.flatten(2)).view(2, 17, 7, 8)
        hidden = torch.zeros(2, 17, 56)
        for i in range(30):
            at = places[..., i : i + 1]
            hidden = hidden.scatter(2, at, x.flatten(2)[..., i : i + 1])
        return hidden.view(2, 17, 7, 8)

    found, want = max_unpool2d(x, indices, (7, 8), by_torch, last=last), by_torch(x)
    torch.testing.assert_close(found, want)
    arriving = torch.randn_like(want)
    torch.testing.assert_close(torch.autograd.grad(found, x, arriving), torch.autograd.grad(want, x, arriving))
