"""nn.avg_pool: the layer is the function, and PyTorch's layer renamed."""

import pytest
import torch
from torch import nn as torch_nn

from striate import nn
from striate.errors import ShapeError

ranks = pytest.mark.parametrize("rank", [1, 2, 3])


@ranks
def test_is_pytorchs_layer(rank):
    """Same positional arguments, same numbers."""
    x = torch.randn(2, 3, *[9] * rank)
    theirs, ours = getattr(torch_nn, f"AvgPool{rank}d"), getattr(nn, f"AvgPool{rank}d")
    torch.testing.assert_close(ours(3, 2, 1, True, False)(x), theirs(3, 2, 1, True, False)(x))
    assert ours(3, 1, "same")(x).shape == x.shape


def test_prints_what_differs():
    """The window, and what is not the default."""
    assert repr(nn.AvgPool2d(3, 2, ceil_mode=True)) == "AvgPool2d(kernel_size=3, stride=2, ceil_mode=True)"


@pytest.mark.refusal
def test_a_window_without_size_is_refused_when_it_is_made():
    """Before any data."""
    with pytest.raises(ShapeError) as error:
        nn.AvgPool2d(0)
    assert str(error.value) == "AvgPool2d: kernel_size is less than 1.\n  kernel_size  (0, 0)\nGive 1 or more."
