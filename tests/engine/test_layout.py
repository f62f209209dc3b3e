"""Images keep their numbers, whichever way they lie."""

import pytest
import torch

from striate.engine.layout import laid

FORMATS = {True: torch.channels_last, False: torch.contiguous_format}


@pytest.mark.parametrize(
    "shape", [(2, 3, 5, 7), (1, 16, 32, 32), (3, 17, 33, 2), (2, 1, 4, 4), (1, 5, 1, 1), (0, 3, 4, 4)]
)
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("threads", [1, 2])
def test_numbers_stay_where_they_are_and_lie_as_asked(shape, last, dtype, threads):
    """What is laid anew equals what was given, in the layout that was asked for."""
    for given in FORMATS.values():
        generator = torch.Generator().manual_seed(0)
        images = torch.randn(shape, generator=generator, dtype=dtype).contiguous(memory_format=given)
        result = laid(images, channels_last=last, threads=threads)
        assert torch.equal(result, images)
        assert result.is_contiguous(memory_format=FORMATS[last])


def test_what_lies_so_already_is_not_copied():
    """The same tensor comes back."""
    images = torch.zeros(2, 3, 4, 4)
    assert laid(images, channels_last=False, threads=1) is images


def test_a_view_that_lies_neither_way_is_laid_too():
    """Every second column of an image."""
    images = torch.randn(2, 3, 4, 8, generator=torch.Generator().manual_seed(0))[..., ::2]
    result = laid(images, channels_last=True, threads=1)
    assert torch.equal(result, images)
    assert result.is_contiguous(memory_format=torch.channels_last)
