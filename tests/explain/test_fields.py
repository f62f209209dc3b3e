"""explain.fields: the part of the image that a position sees."""

import pytest
import torch
from torch import nn

from striate.explain.fields import clipped
from striate.explain.layers import capture
from striate.models import create
from striate.ops import receptive_field
from striate.ops.receptive import Reach, grow


def test_the_border_is_left_out():
    """Padding is no part of the image."""
    reach = grow(Reach(), 3, stride=2, padding=1)
    assert clipped((reach, reach), (0, 3), (7, 7)) == (slice(0, 2), slice(5, 7))


def test_without_positions_all_counts_as_seen():
    """So it does where positions are none of the image's, and of a layer that mixes everything."""
    reach, whole = grow(Reach(), 3), Reach((0,), (6,), 0)
    assert clipped(None, (1, 1), (7, 7)) == (slice(0, 7), slice(0, 7))
    assert clipped((reach, reach), (1,), (7, 7)) == (slice(0, 7), slice(0, 7))
    assert clipped((whole, whole), (), (7, 7)) == (slice(0, 7), slice(0, 7))


def test_what_sees_nothing_has_an_empty_field():
    """Between the taps of a transposed convolution."""
    assert clipped((Reach((float("inf"),), (float("-inf"),)),), (0,), (7,)) == (slice(0, 0),)


@pytest.mark.traced
@pytest.mark.parametrize("layer", ["conv1", "stage1.2.conv2", "stage3.0.conv1"])
def test_it_is_what_the_package_says_of_the_model(layer):
    """The captured graph is followed to the same fields as the model's own code."""
    model = create("resnet20", in_channels=1)
    network, field = capture(model, torch.zeros(1, 1, 28, 28)), receptive_field(model, (1, 28, 28), layer=layer)
    for unit in [(0, 0), (2, 5)]:
        want = [(max(0, first), min(27, last)) for first, last in field.at(unit)]
        assert [(s.start, s.stop - 1) for s in network.sees(layer, unit)] == want


@pytest.mark.traced
def test_sequences_and_volumes_have_fields_too():
    """One slice an axis."""
    wave = nn.Sequential(nn.Conv1d(1, 2, 5, stride=2), nn.ReLU())
    assert capture(wave, torch.zeros(1, 1, 20)).sees("1", (3,)) == (slice(6, 11),)
