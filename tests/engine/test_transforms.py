"""engine.transforms: tiles along any number of axes."""

import pytest
import torch

from striate.engine.tiling import Extent, Tiling
from striate.engine.transforms import put, returned, spectra, transformed

VOLUME = Tiling(Extent(1, 1, 1, (3, 4, 5), (8, 9, 7)), (6, 12, 16))


@pytest.mark.parametrize("size", [(12,), (9, 16), (6, 5, 8), (1, 12), (12, 1), (1, 1)])
def test_there_and_back_is_where_it_began(size):
    """Zeros behind a shorter tile included."""
    tiles = torch.randn(2, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    back = returned(transformed(tiles, size), size)
    torch.testing.assert_close(back, tiles)
    if size[-1] > 4:
        padded = torch.nn.functional.pad(tiles[..., :-3], (0, 3))
        torch.testing.assert_close(returned(transformed(tiles[..., :-3], size), size), padded)


def test_a_volume_is_cut_and_put_together():
    """The windows begin where their outputs do, so without a product the volume is what it was."""
    x = torch.randn(2, 3, 8, 9, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    got, rows = torch.full_like(x, torch.nan), range(VOLUME.count[0])
    put(spectra(x, VOLUME, rows, VOLUME.size, (0, 0, 0)), got, VOLUME, rows, None)
    torch.testing.assert_close(got, x)
