"""explain.moves: images move as SciPy moves them."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from striate.explain.moves import moved


@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, 0), (-3, 1), (0, -9)])
def test_whole_samples_are_moved_exactly(down, right):
    """Nothing is interpolated; what comes in is zero."""
    image = torch.randn(2, 3, 7, 6)
    found = moved(image, down=down, right=right)
    expected = ndimage.shift(image.numpy(), (0, 0, down, right), order=0, cval=0)
    assert np.array_equal(found.numpy(), expected)


@pytest.mark.parametrize("size", [(9, 9), (8, 12)])
@pytest.mark.parametrize(
    ("settings", "turn", "shift"),
    [
        ({"degrees": 30}, 30, (0, 0)),
        ({"degrees": -115}, -115, (0, 0)),
        ({"scale": 1.5}, 0, (0, 0)),
        ({"down": 0.5, "right": 1.25}, 0, (0.5, 1.25)),
        ({"degrees": 20, "scale": 1.2, "down": 1, "right": -2}, 20, (1, -2)),
    ],
)
def test_equals_scipys_affine_transform(size, settings, turn, shift):
    """Bilinear about the middle, for squares and rectangles, turned anticlockwise as an eye sees it."""
    image = np.pad(np.random.default_rng(0).normal(size=(size[0] - 4, size[1] - 4)), 2)
    angle, scale = np.deg2rad(turn), settings.get("scale", 1.0)
    # Rows grow downwards: to turn anticlockwise for an eye, the output at (r, c) comes from here.
    back = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / scale
    middle = (np.array(size) - 1) / 2
    offset = middle - back @ (middle + np.array(shift))
    expected = ndimage.affine_transform(image, back, offset, order=1, mode="grid-constant", cval=0)
    found = moved(torch.tensor(image)[None, None], **settings)[0, 0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_a_quarter_turn_is_exact_and_anticlockwise():
    """As NumPy's."""
    image = torch.randn(1, 1, 6, 6, dtype=torch.float64)
    np.testing.assert_allclose(moved(image, degrees=90)[0, 0], np.rot90(image[0, 0]), atol=1e-10)
    assert moved(image, degrees=360) is image


def test_gradients_flow():
    """What is optimised behind it gets its share."""
    image = torch.randn(1, 1, 6, 6, requires_grad=True)
    (slope,) = torch.autograd.grad(moved(image, degrees=10, scale=1.1).sum(), image)
    assert slope.abs().sum() > 1
