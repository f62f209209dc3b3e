"""engine.tiling: tiles that cover every output, of sizes that transforms are fast for."""

from math import prod

import pytest

from striate.engine.tiling import Extent, Tiling, tiling

EXTENTS = [
    Extent(64, 64, 1, (11, 11), (64, 64)),
    Extent(1, 1, 128, (31, 31), (56, 56)),
    Extent(1, 1, 1, (8000,), (152_001,)),
    Extent(2, 3, 2, (5, 1, 7), (9, 1, 20)),
    Extent(3, 2, 1, (1, 9), (1, 1)),
    Extent(1, 1, 1, (1,), (1,)),
]


@pytest.mark.parametrize("extent", EXTENTS)
def test_tiles_cover_every_output(extent):
    """A tile holds its outputs and the kernel's reach, and there are as many as it takes, not one more."""
    found = tiling(extent)
    for size, step, count, reach, positions in zip(
        found.size, found.step, found.count, extent.reach, extent.positions, strict=True
    ):
        assert size >= step + reach - 1
        assert (count - 1) * step < positions <= count * step


@pytest.mark.parametrize("extent", EXTENTS)
def test_sizes_are_products_of_small_primes(extent):
    """Transforms of such are fast."""
    for size in tiling(extent).size:
        for prime in (2, 3, 5):
            while size % prime == 0:
                size //= prime
        assert size == 1


@pytest.mark.parametrize("extent", EXTENTS)
def test_half_of_a_spectrum_tells_all(extent):
    """One axis is halved, the last that has more than one sample; of two, all tell all."""
    found = tiling(extent)
    assert prod(found.spectrum) == found.frequencies
    assert sum(a != b for a, b in zip(found.size, found.spectrum, strict=True)) == (max(found.size) > 2)


def test_the_batch_does_not_choose_the_tiles_of_an_image():
    """Bits depend on them."""
    extent = EXTENTS[0]
    assert tiling(extent) == min(
        (tiling(extent), Tiling(extent, (80, 80)), Tiling(extent, (40, 40))), key=lambda one: one.work(1)
    )


def test_more_is_more_work():
    """More images, larger kernels, more channels."""
    one = tiling(EXTENTS[0])
    assert one.work(2) > one.work(1)
    assert tiling(Extent(64, 64, 1, (31, 31), (64, 64))).work(1) > one.work(1)
    assert tiling(Extent(64, 128, 1, (11, 11), (64, 64))).work(1) > one.work(1)
    assert one.work(1, "weights") > one.work(1)


def test_blocks_are_bounded():
    """The spectra of a block's tiles take some tens of megabytes, or are of one tile."""
    for extent in (*EXTENTS, Extent(512, 512, 1, (31, 31), (500, 500))):
        found = tiling(extent)
        channels = extent.groups * (extent.channels + extent.kernels)
        assert found.together == 1 or found.together * channels * found.frequencies * 8 <= 48 << 20
