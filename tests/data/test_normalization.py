"""Mean and deviation of pictures put together are those of all their pixels."""

import numpy as np

from striate.data.normalization import normalization


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
