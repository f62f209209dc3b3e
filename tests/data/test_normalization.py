"""Mean and deviation of pictures put together are those of all their pixels."""

import numpy as np

from striate.data.normalization import covariance, moments, normalization


def test_equals_numpy_on_the_stacked_array():
    """From each picture's mean and variance come those of the whole."""
    x = np.random.default_rng(0).random((50, 3, 8, 8)) * np.array([1, 0.1, 0.01]).reshape(3, 1, 1)
    mean, std = normalization(x.mean(axis=(2, 3)), x.var(axis=(2, 3)))
    np.testing.assert_allclose(mean, x.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(std, x.std(axis=(0, 2, 3)), rtol=1e-12)


def test_what_does_not_vary_is_only_shifted():
    """A constant channel has deviation 1, so that dividing by it does nothing."""
    assert normalization(np.full((4, 1), 0.3), np.zeros((4, 1))) == ((0.3,), (1.0,))


def test_without_pictures_nothing_is_changed():
    """Where there is no training part, mean 0 and deviation 1."""
    assert normalization(np.zeros((0, 3)), np.zeros((0, 3))) == ((0.0,) * 3, (1.0,) * 3)


def test_the_covariance_is_numpy_s_on_the_stacked_array():
    """From each picture's mean and covariance comes that of all pixels; its diagonal is the square of the deviation."""
    x = (np.random.default_rng(0).random((50, 3, 8, 8)) * np.array([1, 0.1, 0.01]).reshape(3, 1, 1)).astype(np.float32)
    x[:, 1] += x[:, 0] * x[:, 2]
    means, within = map(np.stack, zip(*map(moments, x), strict=True))
    found = np.reshape(covariance(means, within), (3, 3))
    pixels = x.astype(np.float64).transpose(1, 0, 2, 3).reshape(3, -1)
    np.testing.assert_allclose(found, np.cov(pixels, bias=True), rtol=1e-9, atol=1e-15)
    _, std = normalization(means, np.diagonal(within, axis1=1, axis2=2))
    np.testing.assert_allclose(std, np.sqrt(np.diagonal(found)), rtol=1e-12)
    np.testing.assert_allclose(means, x.mean(axis=(2, 3), dtype=np.float64), rtol=1e-12)


def test_without_pictures_there_is_no_covariance():
    """So that colour noise is refused, and not 0."""
    assert covariance(np.zeros((0, 3)), np.zeros((0, 3, 3))) == ()
