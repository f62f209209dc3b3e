"""Memory is as large as asked, begins where it should, and can be written whole."""

import pytest
import torch

from striate.engine.memory import bytes_aligned, images, numbers

LARGE = 5 << 20


@pytest.mark.parametrize("size", [0, 1, 63, 64, 4096, LARGE, LARGE + 1])
def test_bytes_begin_with_a_cache_line_and_large_ones_with_a_large_page(size):
    """The address says so; every byte can be written."""
    found = bytes_aligned(size)
    assert found.shape == (size,)
    assert found.dtype == torch.uint8
    if size:
        assert found.data_ptr() % (2 << 20 if size >= 2 << 20 else 64) == 0
    assert (found.fill_(7) == 7).all()


def test_numbers_are_floats_that_lie_as_bytes_do():
    """So many floats, of 32 bits or of 64, from a cache line on."""
    assert numbers(1000).dtype == torch.float32
    found = numbers(1000, torch.float64)
    assert found.shape == (1000,)
    assert found.dtype == torch.float64
    assert found.data_ptr() % 64 == 0


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("shape", [(0, 3, 4, 5), (2, 3, 4, 5), (1, 64, 160, 160)])
def test_images_have_the_layout_and_can_be_written_whole(shape, layout):
    """Small ones, large ones and none at all."""
    found = images(shape, layout)
    assert found.shape == shape
    assert found.is_contiguous(memory_format=layout)
    assert (found.fill_(7.0) == 7).all()
