"""data.color_noise: one shift of colours an image, which varies as the colours of the data do."""

import numpy as np
import pytest
import torch

from striate.data.color_noise import color_noise, principal_axes

# Of three channels: red and green vary together, blue by itself.
SPREAD = np.array([[0.06, 0.05, 0.01], [0.05, 0.07, 0.02], [0.01, 0.02, 0.04]])
COVARIANCE = tuple(SPREAD.ravel().tolist())
KEY = {"seed": 3, "epoch": 7}


def shifts(count, amount=0.1, covariance=COVARIANCE, channels=3):
    """What is added to so many images."""
    images = torch.zeros(count, channels, 2, 3)
    found = color_noise(images, amount, covariance, indices=np.arange(count), **KEY)
    assert torch.equal(found, found[:, :, :1, :1].expand_as(found)), "all pixels of an image move alike"
    return found[:, :, 0, 0].double().numpy()


def test_the_noise_varies_as_the_colours_do():
    """Its covariance is the data's, times the square of the amount; its mean is 0."""
    found = shifts(200_000)
    np.testing.assert_allclose(np.cov(found.T), 0.01 * SPREAD, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=3 * np.sqrt(0.01 * 0.07 / 200_000))


def test_it_is_normal_along_every_axis():
    """Measured along the eigenvectors, in their deviations: skewness 0, kurtosis 3, and uncorrelated."""
    axes = principal_axes(COVARIANCE).numpy()
    along = shifts(200_000) @ np.linalg.inv(axes) / 0.1
    np.testing.assert_allclose(np.cov(along.T), np.eye(3), atol=0.02)
    np.testing.assert_allclose((along**3).mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose((along**4).mean(axis=0), 3, atol=0.1)


def test_the_axes_are_eigenvectors():
    """Each is at a right angle to the others, is only scaled by the covariance, and its square is that scale."""
    axes = principal_axes(COVARIANCE).numpy()
    lengths = (axes**2).sum(axis=1)
    np.testing.assert_allclose(axes @ SPREAD, lengths[:, None] * axes, atol=1e-12)
    np.testing.assert_allclose(axes @ axes.T, np.diag(lengths), atol=1e-12)
    np.testing.assert_allclose(axes.T @ axes, SPREAD, atol=1e-12)


def test_grey_gets_brighter_or_darker():
    """One channel has one axis: its deviation."""
    assert shifts(50_000, covariance=(0.04,), channels=1).std() == pytest.approx(0.02, rel=0.02)


def test_an_image_is_replayed_alone():
    """Bit for bit, whatever its batch; another seed or epoch moves it elsewhere, and no noise leaves it alone."""
    images, indices = torch.rand(7, 3, 4, 4), np.array([5, 0, 99, 7, 1, 12, 1000])
    whole = color_noise(images, 0.1, COVARIANCE, indices=indices, **KEY)
    for i in range(7):
        alone = color_noise(images[i : i + 1], 0.1, COVARIANCE, indices=indices[i : i + 1], **KEY)
        assert torch.equal(alone[0], whole[i])
    assert whole.dtype == torch.float32
    for other in ({"seed": 4, "epoch": 7}, {"seed": 3, "epoch": 8}):
        assert not torch.equal(color_noise(images, 0.1, COVARIANCE, indices=indices, **other), whole)
    assert color_noise(images, 0.0, (), indices=indices, **KEY) is images


def test_a_number_at_the_edge_is_finite(monkeypatch):
    """The normal distribution has no number for 0 and for 1."""
    monkeypatch.setattr("striate.data.color_noise.uniform", lambda *_, **__: np.array([[0.0, 1.0 - 2**-53, 0.5]]))
    found = color_noise(torch.zeros(1, 3, 1, 1), 0.1, COVARIANCE, indices=np.array([0]), **KEY)
    assert found.isfinite().all()
    assert found.abs().max() < 0.1 * 6
