"""Randomness that is a function: the same (seed, stream, epoch, sample) gives the same numbers, in any order, anywhere.

Nothing is drawn from a generator that remembers, so nothing has to be saved to go on exactly: a training run that
resumes in mid-epoch, in another process or with other workers, sees the numbers that it would have seen.

Source:
    The mixing function is the finaliser of SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number
    generators", OOPSLA 2014, figure 17.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from jaxtyping import Float64, Int, UInt64

__all__ = ["AUGMENT", "COLOR", "CROP", "LAYERS", "ORDER", "bits", "uniform"]

# Streams: one for each use, so that no two uses share their numbers.
ORDER: Final = 1
AUGMENT: Final = 2
LAYERS: Final = 3
CROP: Final = 4
COLOR: Final = 5

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)


def _mix(z: UInt64[np.ndarray, "*shape"]) -> UInt64[np.ndarray, "*shape"]:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def bits(seed: int, stream: int, epoch: int, indices: Int[np.ndarray, " n"]) -> UInt64[np.ndarray, " n"]:
    """Give 64 random bits for each sample.

    Args:
        seed: The run's seed; any integer.
        stream: What the numbers are for: `ORDER`, `AUGMENT`, `LAYERS`, `CROP` or `COLOR`.
        epoch: Passes over the data before this one.
        indices: The samples.

    Example:
        >>> bits(0, ORDER, 0, np.array([7])) == bits(0, ORDER, 0, np.array([3, 7]))[1:]
        array([ True])
    """
    return _mix(_key(seed, stream, epoch) + indices.astype(np.uint64))


@lru_cache(maxsize=64)
def _key(seed: int, stream: int, epoch: int) -> UInt64[np.ndarray, " 1"]:
    """Mix what all samples of an epoch share; remembered, because every batch asks for it."""
    key = np.zeros(1, dtype=np.uint64)
    for word in (seed, stream, epoch):
        key = _mix(key * _GOLDEN + _GOLDEN + np.uint64(word % 2**64))
    return key * _GOLDEN + _GOLDEN


def uniform(
    seed: int, epoch: int, indices: Int[np.ndarray, " n"], count: int, *, stream: int = AUGMENT
) -> Float64[np.ndarray, "n count"]:
    """Give `count` numbers in [0, 1) for each sample, for its augmentation.

    Example:
        >>> uniform(0, 0, np.array([7]), 3).shape
        (1, 3)
    """
    base = bits(seed, stream, epoch, indices)
    draws = _mix(base[:, None] + _GOLDEN * np.arange(1, count + 1, dtype=np.uint64))
    return (draws >> np.uint64(11)) * 2.0**-53
