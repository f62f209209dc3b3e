"""explain.correspondence: parts that a network takes for alike change its features alike."""

from itertools import combinations

import numpy as np
import pytest
import torch
from torch import nn

from striate.errors import ShapeError
from striate.explain.correspondence import correspondence, random_parts

PARTS = [(1, 1, 3, 3), (5, 2, 3, 3), (2, 5, 3, 3)]


def test_distances_are_hammings_of_signs():
    """For every pair the share of units whose sign of change differs, as plain loops count them."""
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
    images = torch.randn(3, 1, 9, 9)
    found = correspondence(net, images, PARTS, ["0", "1"], fill=0.5)
    hidden = images.clone()
    for image, (top, left, height, width) in zip(hidden, PARTS, strict=True):
        image[0, top : top + height, left : left + width] = 0.5
    for name, part in (("0", net[:1]), ("1", net)):
        with torch.no_grad():
            signs = np.sign((part(images) - part(hidden)).flatten(1).numpy())
        expected = [(signs[i] != signs[j]).mean() for i, j in combinations(range(3), 2)]
        np.testing.assert_allclose(found.distances[name], expected)
        assert found.mean[name] == pytest.approx(np.mean(expected))
        assert found.error[name] == pytest.approx(np.std(expected, ddof=1) / 3**0.5)


def test_parts_that_correspond_are_nearer_than_random_ones():
    """One thing at different places: behind a pooling over all positions, hiding it changes the same features."""
    net = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    thing, images = torch.rand(3, 3) * 3, torch.rand(3, 1, 12, 12) * 0.1
    for image, (top, left, height, width) in zip(images, PARTS, strict=True):
        image[0, top : top + height, left : left + width] = thing
    same = correspondence(net, images, PARTS, ["3"]).mean["3"]
    other = correspondence(net, images, [(9, 9, 3, 3), (9, 6, 3, 3), (7, 9, 3, 3)], ["3"]).mean["3"]
    assert same < other


def test_random_parts_lie_inside_and_are_repeatable():
    """All of each box is in the image; the seed decides."""
    parts = random_parts(50, (10, 20), (4, 6), seed=3)
    assert all(0 <= top <= 6 and 0 <= left <= 14 and (h, w) == (4, 6) for top, left, h, w in parts)
    assert len(set(parts)) > 20
    assert parts == random_parts(50, (10, 20), (4, 6), seed=3)
    assert parts != random_parts(50, (10, 20), (4, 6), seed=4)


@pytest.mark.refusal
def test_a_part_for_each_image_is_asked_for():
    """And two images at least."""
    with pytest.raises(ShapeError) as error:
        correspondence(nn.Sequential(nn.Conv2d(1, 1, 3)), torch.randn(3, 1, 9, 9), PARTS[:2], ["0"])
    assert str(error.value) == (
        "correspondence: it takes two images or more, and one part of each.\n  images  3\n  parts   2\n"
        "Pass as many parts as images."
    )
