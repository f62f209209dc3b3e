"""engine.images: which images the core takes, and how they lie."""

import pytest
import torch

from striate.engine.images import LEAST, empty, is_worth, laid_alike, pool

LAST = torch.channels_last


def test_only_plain_images_that_are_large_enough_are_worth_it():
    """By their number of samples; other numbers, transforms, and autocast are PyTorch's."""
    large = torch.zeros(1, 1, LEAST // 8, 8)
    assert is_worth(large)
    assert not is_worth(large[:, :, 1:])
    assert is_worth(large[:, :, 1:], 8)
    assert not is_worth(large.double())
    with torch.autocast("cpu"):
        assert not is_worth(large)


@pytest.mark.parametrize("last", [True, False])
def test_all_lie_as_the_first_one_does(last):
    """What lies so is not copied; what lies otherwise, or nowhere in order, is."""
    first, layout = torch.randn(2, 3, 4, 5), LAST if last else torch.contiguous_format
    first = first.contiguous(memory_format=layout)
    other = torch.randn(2, 3, 8, 5)[:, :, ::2]
    found, (a, b) = laid_alike(first, other)
    assert found == last
    assert a is first
    assert b.is_contiguous(memory_format=layout)
    assert b.equal(other)
    assert empty(first.shape, channels_last=last).stride() == first.stride()


def test_a_problem_is_written_down_once():
    """The same sizes are the same problem; other layouts are others."""
    given = (torch.Size((1, 2, 5, 5)), (2, 2), ((3, 3), (2, 2), (0, 0), (1, 1)))
    assert pool(*given, True)[1] is pool(*given, True)[1]
    assert pool(*given, True)[1] is not pool(*given, False)[1]
