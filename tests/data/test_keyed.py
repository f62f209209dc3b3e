"""data.keyed: random numbers that depend on what they are for, and on nothing else."""

import numpy as np
import pytest
from scipy import stats

from striate.data.keyed import AUGMENT, LAYERS, ORDER, bits, uniform

EVERYONE = np.arange(5000)


def test_same_key_same_bits_whoever_else_is_asked_for():
    """A sample's numbers do not depend on the others, nor on their order."""
    some = np.array([4000, 3, 77])
    np.testing.assert_array_equal(bits(1, ORDER, 2, some), bits(1, ORDER, 2, EVERYONE)[some])
    np.testing.assert_array_equal(uniform(1, 2, some, 6), uniform(1, 2, EVERYONE, 6)[some])


def test_numbers_are_the_same_for_ever():
    """A run begun with this version is resumed by the next: these values must never change."""
    assert bits(0, ORDER, 0, np.array([0, 1])).tolist() == [383324320340014669, 1744701869694168138]


def test_bits_are_the_published_function():
    """The same numbers come out of SplitMix64's finaliser in Python's own whole numbers."""
    key = 0
    for word in (5, AUGMENT, 9):
        key = finalise(key * GOLDEN + GOLDEN + word)
    assert int(bits(5, AUGMENT, 9, np.array([31]))[0]) == finalise(key * GOLDEN + GOLDEN + 31)


@pytest.mark.parametrize("key", [(1, ORDER, 0), (0, AUGMENT, 0), (0, LAYERS, 0), (0, ORDER, 1), (-1, ORDER, 0)])
def test_another_seed_stream_or_epoch_gives_other_bits(key):
    """No part of the key is without effect."""
    seed, stream, epoch = key
    assert not np.any(bits(seed, stream, epoch, EVERYONE) == bits(0, ORDER, 0, EVERYONE))


def test_numbers_are_uniform():
    """Each column passes Kolmogorov and Smirnov's test against the uniform distribution."""
    for column in uniform(0, 0, EVERYONE, 5).T:
        assert stats.kstest(column, "uniform").pvalue > 0.001


def test_columns_epochs_and_neighbours_are_uncorrelated():
    """What one number is says nothing of the next, in any direction."""
    here, later = uniform(0, 0, EVERYONE, 4), uniform(0, 1, EVERYONE, 4)
    table = np.column_stack([here, later, np.roll(here, 1, axis=0)])
    correlation = np.corrcoef(table.T) - np.eye(12)
    assert np.abs(correlation).max() < 5 / np.sqrt(len(EVERYONE))


def test_the_uniformity_test_can_fail():
    """Squares of uniform numbers are not uniform, and are found out."""
    assert stats.kstest(uniform(0, 0, EVERYONE, 1)[:, 0] ** 2, "uniform").pvalue < 0.001


GOLDEN = 0x9E3779B97F4A7C15


def finalise(z):
    """Figure 17 of the paper, modulo 2**64."""
    z %= 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)
