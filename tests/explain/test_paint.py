"""explain.paint: images in [0, 1], with the spectrum and the colours that were asked for."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images

from striate.explain.paint import PAINTS, Canvas


def canvas(*size, covariance=()):
    return Canvas(size, (0.5,) * size[0], (0.25,) * size[0], covariance)


@pytest.mark.parametrize("name", PAINTS)
@pytest.mark.parametrize("size", [(1, 8, 8), (3, 7, 10)])
def test_first_images_are_nearly_grey_and_repeatable(name, size):
    """Between 0 and 1, about the middle; the same from the same seed; every number has a gradient."""
    first, again = (PAINTS[name](canvas(*size), 2, torch.Generator().manual_seed(3)) for _ in range(2))
    images = first.images()
    assert images.shape == (2, *size)
    assert (images - 0.5).abs().max() < 0.1
    assert images.equal(again.images())
    assert not images[0].equal(images[1])
    (slope,) = torch.autograd.grad(images.square().sum(), first.numbers)
    assert slope.isfinite().all()


def test_waves_have_natural_strength():
    """Power falls with frequency, as 1 / f squared: twice the frequency has a quarter of it."""
    images = PAINTS["fourier"](canvas(1, 64, 64), 200, torch.Generator().manual_seed(0)).images().detach()
    power = torch.fft.rfft2(images - 0.5).abs().square().mean((0, 1))
    for f in (4, 8, 12):
        assert power[0, 2 * f] / power[0, f] == pytest.approx(0.25, rel=0.3)
    flat = PAINTS["pixels"](canvas(1, 64, 64), 200, torch.Generator().manual_seed(0)).images().detach()
    power = torch.fft.rfft2(flat - 0.5).abs().square().mean((0, 1))
    assert power[0, 16] / power[0, 8] == pytest.approx(1, rel=0.3)


def test_colours_are_mixed_as_they_go_together():
    """The images' channels have the covariance that was given, but for a common factor."""
    given = np.array([[0.10, 0.05, 0.01], [0.05, 0.08, 0.03], [0.01, 0.03, 0.06]])
    paint = PAINTS["fourier"](canvas(3, 32, 32, covariance=tuple(given.ravel())), 100, torch.Generator().manual_seed(0))
    found = np.cov(paint.images().detach().permute(1, 0, 2, 3).flatten(1).double().numpy())
    np.testing.assert_allclose(found / found[0, 0], given / given[0, 0], rtol=0.1, atol=0.03)


def test_unknown_colours_are_those_of_photographs():
    """The numbers in the file are those of the two photographs that scikit-learn carries."""
    photographs = np.concatenate([image.reshape(-1, 3) for image in load_sample_images().images]) / 255
    known = canvas(3, 4, 4, covariance=tuple(np.cov(photographs.T).ravel()))
    torch.testing.assert_close(canvas(3, 4, 4).colours, known.colours, atol=2e-3, rtol=0)
    assert canvas(1, 4, 4).colours.tolist() == [[1.0]]


def test_the_canvas_normalizes_as_training_did():
    """Mean and deviation of each channel."""
    images = torch.rand(2, 3, 4, 5)
    found = Canvas((3, 4, 5), (0.1, 0.2, 0.3), (1.0, 2.0, 4.0)).normalized(images)
    torch.testing.assert_close(found[:, 2], (images[:, 2] - 0.3) / 4)
