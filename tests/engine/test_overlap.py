"""engine.overlap: tiles to their spectra and back."""

from math import prod

import pytest
import torch

from striate.engine import overlap, transforms
from striate.engine.tiling import Extent, Tiling

CUTS = {
    "one axis": (Tiling(Extent(2, 2, 1, (5,), (60,)), (32,)), (64,), (0,)),
    "odd and even": (Tiling(Extent(2, 2, 1, (4, 6), (21, 40)), (15, 20)), (19, 43), (2, 1)),
    "far outside": (Tiling(Extent(1, 1, 1, (3, 3), (60, 50)), (16, 16)), (4, 5), (40, 2)),
    "cut": (Tiling(Extent(1, 1, 1, (3, 3), (12, 20)), (9, 16)), (30, 30), (-3, -4)),
    "a row": (Tiling(Extent(3, 3, 1, (1, 9), (1, 30)), (1, 24)), (1, 38), (0, 0)),
    "a column": (Tiling(Extent(3, 3, 1, (9, 1), (30, 1)), (24, 1)), (38, 1), (0, 0)),
}
by_cut = pytest.mark.parametrize("name", CUTS)


def drawn(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@by_cut
@pytest.mark.parametrize("windowed", [False, True])
def test_spectra_are_those_of_pytorch_alone(name, windowed):
    """In double precision; whole tiles, and tiles whose end is zero; some rows of tiles."""
    cut, size, before = CUTS[name]
    window = cut.step if windowed else cut.size
    for rows in (range(cut.count[0]), range(cut.count[0] - 1, cut.count[0])):
        x = drawn(3, 2, *size)
        got = overlap.spectra(x, cut, rows, window, before, 2)
        want = transforms.spectra(x.double(), cut, rows, window, before)
        assert got.numel() == 3 * len(rows) * prod(cut.count[1:]) * 2 * cut.frequencies
        assert (got.flatten() - want.flatten()).abs().max() <= 1e-5 * want.abs().max()


@by_cut
def test_what_is_put_back_is_what_pytorch_alone_puts(name):
    """Every position that is there is written, with a number for each channel or without, and no other."""
    cut, _, _ = CUTS[name]
    for rows in (range(cut.count[0]), range(cut.count[0] - 1, cut.count[0])):
        tiles = drawn(2 * len(rows) * prod(cut.count[1:]) * 3, *cut.size)
        made = transforms.transformed(tiles.double(), cut.size)
        for offset in (None, drawn(3)):
            got = torch.full((2, 3, *cut.extent.positions), torch.nan)
            want = got.double()
            overlap.put(made.to(torch.complex64), got, cut, rows, offset, 2)
            transforms.put(made, want, cut, rows, None if offset is None else offset.double())
            torch.testing.assert_close(got.double(), want, rtol=1e-5, atol=1e-5, equal_nan=True)
            assert not got[:, :, rows.start * cut.step[0] :].isnan().any()


def test_bits_depend_neither_on_threads_nor_on_the_other_images():
    """There and back."""
    cut, size, before = CUTS["odd and even"]
    x, rows = drawn(3, 2, *size), range(cut.count[0])
    whole = overlap.spectra(x, cut, rows, cut.size, before, 2)
    alone = torch.cat([overlap.spectra(one, cut, rows, cut.size, before, 1) for one in x.split(1)])
    assert torch.equal(whole, alone)
