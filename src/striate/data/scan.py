"""Before training begins every file is decoded once: so what is bad is known in time, and what is typical too."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from jaxtyping import Bool, Float64, Int32, Shaped, UInt8

from striate.data.decode import read_bytes
from striate.data.image import Picture, pictures, unit
from striate.data.normalization import moments
from striate.data.piece import Piece
from striate.data.problems import Problem, Unreadable

__all__ = ["HELD_BYTES", "Scan", "scan"]

# Data that needs no more than this as 32-bit floats is kept in memory, so that reading it costs nothing.
HELD_BYTES: Final = 256 * 2**20
# Files handed to the threads at once: the queue stays short however many files there are.
_BLOCK: Final = 256


@dataclass(frozen=True)
class Scan:
    """What was found, in flat buffers: a row for each file, zeros for one that is bad.

    Args:
        good: Whether the file can be used.
        sizes: Height and width of the original, in pixels, upright.
        grey: Whether the original has no colours.
        digests: SHA-256 of the file's bytes.
        mean: Of each channel, at the model's size, in [0, 1]; a grey picture has three equal ones.
        covariance: Of each two channels, likewise.
        problems: One for each bad file.
        pictures: The pictures themselves, where all of them are few enough to be kept; None for a bad one.
    """

    good: Bool[np.ndarray, " N"]
    sizes: Int32[np.ndarray, "N 2"]
    grey: Bool[np.ndarray, " N"]
    digests: UInt8[np.ndarray, "N 32"]
    mean: Float64[np.ndarray, "N 3"]
    covariance: Float64[np.ndarray, "N 3 3"]
    problems: list[Problem]
    pictures: list[Shaped[np.ndarray, "C H W"] | None] | None


def scan(
    root: str,
    names: Sequence[str],
    middle: Piece,
    *,
    channels: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    threads: int | None = None,
) -> Scan:
    """Decode every file once, on several threads; the result does not depend on how many.

    Args:
        root: The folder that the names are relative to.
        names: The files.
        middle: What a model takes of each.
        channels: 1 turns colour into grey; otherwise each file keeps its own channels.
        on_progress: Called with the files done and all files, from this thread.
        threads: How many; None for one a processor, at most 8.
    """
    count, (height, width) = len(names), middle.image_size
    kept: list[Shaped[np.ndarray, "C H W"] | None] = [None] * count
    found = Scan(
        good=np.zeros(count, dtype=bool),
        sizes=np.zeros((count, 2), dtype=np.int32),
        grey=np.zeros(count, dtype=bool),
        digests=np.zeros((count, 32), dtype=np.uint8),
        mean=np.zeros((count, 3)),
        covariance=np.zeros((count, 3, 3)),
        problems=[],
        pictures=kept if count * (channels or 3) * height * width * 4 <= HELD_BYTES else None,
    )
    look = partial(_look, middle=middle, channels=channels, one_at_a_time=threading.Lock())
    paths = [os.path.join(root, name) for name in names]
    for i, result in enumerate(_in_order(look, paths, threads or min(8, os.cpu_count() or 1))):
        if isinstance(result, Unreadable):
            found.problems.append(Problem(result.kind, names[i], result.why))
        else:
            _record(found, i, *result)
        if on_progress is not None:
            on_progress(i + 1, count)
    return found


def _record(found: Scan, i: int, digest: bytes, seen: Picture) -> None:
    found.good[i], found.sizes[i], found.grey[i] = True, seen.size, seen.grey
    found.digests[i] = np.frombuffer(digest, dtype=np.uint8)
    # Each file by itself, whichever thread read it; the files are then put together in the order of their names.
    found.mean[i], found.covariance[i] = moments(unit(seen.pixels, len(seen.pixels)))  # grey: spread to all three
    if found.pictures is not None:
        found.pictures[i] = seen.pixels


def _look(
    path: str,
    *,
    middle: Piece,
    channels: int | None,
    one_at_a_time: AbstractContextManager[object],
) -> tuple[bytes, Picture] | Unreadable:
    try:
        data = read_bytes(path)
        (seen,) = pictures(data, [middle], channels=channels, one_at_a_time=one_at_a_time)
        return hashlib.sha256(data).digest(), seen
    except Unreadable as bad:
        return bad


def _in_order(
    look: Callable[[str], tuple[bytes, Picture] | Unreadable], paths: Sequence[str], threads: int
) -> Iterator[tuple[bytes, Picture] | Unreadable]:
    with ThreadPoolExecutor(threads, thread_name_prefix="striate-scan") as pool:
        for start in range(0, len(paths), _BLOCK):
            yield from pool.map(look, paths[start : start + _BLOCK])
