"""Which part a sample belongs to: a function of its name and a seed, stable for ever and on every machine.

Samples are ordered by the SHA-256 of the seed and their name, class by class, and cut at the shares. So the split needs
no random generator whose stream might change, and a new file moves at most one sample over each cut of its class.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Int64

__all__ = ["PARTS", "PART_NAMES", "counts", "split"]

PARTS: Final = ("train", "val", "test")

# What folders and CSVs call the parts, in small letters.
PART_NAMES: Final = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def split(
    names: Sequence[str], labels: Int64[np.ndarray, " N"], shares: Sequence[float], seed: int
) -> Int64[np.ndarray, " N"]:
    """Give each sample a part, in every class by the same shares.

    Returns:
        For each sample an index into `PARTS`.

    Example:
        >>> split(["a", "b", "c", "d", "e"], np.zeros(5, dtype=np.int64), (0.6, 0.2, 0.2), seed=0).tolist()
        [2, 0, 0, 1, 0]
    """
    keys = [hashlib.sha256(f"{seed}/".encode() + name.encode("utf-8", "surrogateescape")).digest() for name in names]
    parts = np.zeros(len(names), dtype=np.int64)
    for label in np.unique(labels):
        members = sorted(np.flatnonzero(labels == label).tolist(), key=lambda i: keys[i])
        parts[members] = np.repeat(np.arange(len(shares)), counts(len(members), shares))
    return parts


def counts(size: int, shares: Sequence[float]) -> list[int]:
    """Share out `size` samples, to the nearest whole one.

    Every part with a share gets at least one while there are enough: train first, then val, then test.

    Example:
        >>> counts(10, (0.6, 0.2, 0.2)), counts(2, (0.6, 0.2, 0.2)), counts(3, (0.9, 0.05, 0.05))
        ([6, 2, 2], [1, 1, 0], [1, 1, 1])
    """
    active = [i for i, share in enumerate(shares) if share > 0]
    given = [0] * len(shares)
    for i in active[:size]:
        given[i] = max(1, int(size * shares[i] + 0.5))
    while sum(given) > size:
        given[given.index(max(given))] -= 1
    given[active[0]] += size - sum(given)
    return given
