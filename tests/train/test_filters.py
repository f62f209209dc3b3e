"""train.filters: filters that have grown too large are scaled back, all at once, and nothing else is touched."""

import pytest
import torch
from torch import nn

from striate.nn import Conv1d, Conv2d, UnsharedConv2d
from striate.train.filters import filters_of, limit_filters


def rms(weight):
    """Of each filter."""
    return weight.flatten(1).square().mean(1).sqrt()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_large_filters_get_the_limit_and_small_ones_stay(layout):
    """Bit for bit as they were; the direction of the large ones is kept."""
    size = torch.tensor([0.01, 0.05, 0.2, 3.0]).view(4, 1, 1, 1)
    before = (torch.randn(4, 3, 5, 5) * size).to(memory_format=layout)
    weight = before.clone()
    limit_filters([weight], 0.1)
    assert torch.equal(weight[:2], before[:2])
    torch.testing.assert_close(rms(weight)[2:], torch.full((2,), 0.1))
    torch.testing.assert_close(weight / rms(weight).view(4, 1, 1, 1), before / rms(before).view(4, 1, 1, 1))
    assert weight.is_contiguous(memory_format=layout)


def test_what_is_0_stays_0():
    """Nothing is divided by nothing."""
    weight = torch.zeros(2, 1, 3)
    limit_filters([weight], 0.1)
    assert torch.equal(weight, torch.zeros(2, 1, 3))


def test_only_convolutions_that_learn_have_filters():
    """PyTorch's and ours, once each; no matrix, no normalisation, none that is frozen."""
    ours, shared, frozen = Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), Conv2d(4, 4, 1)
    frozen.weight.requires_grad_(False)
    model = nn.Sequential(ours, shared, shared, frozen, nn.BatchNorm2d(4), Conv1d(2, 2, 1), nn.Linear(4, 2))
    assert [tuple(weight.shape) for weight in filters_of(model)] == [(4, 3, 3, 3), (4, 4, 3, 3), (2, 2, 1)]
    assert filters_of(UnsharedConv2d(1, 2, 3, input_size=8)) == []
