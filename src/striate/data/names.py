"""Many names in two flat buffers, so that worker processes share them.

A Python list of a million strings is copied, page by page, into every worker that reads it, because reading a string
changes its reference count. Two numpy arrays are not (pytorch#13246).
"""

import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import SupportsIndex

import numpy as np
from jaxtyping import Int64, UInt8

__all__ = ["Names"]


class Names(Sequence[str]):
    r"""An immutable sequence of strings; file names with odd bytes survive it.

    Args:
        buffer: The names' UTF-8 bytes, one after the other; bytes that are no UTF-8 are as the file system has them.
        offsets: Where each name begins, and the end.

    Example:
        >>> names = Names.of(["cat/1.png", "dog/caf\udce9.png"])
        >>> names[0], len(names), names[-1] == "dog/caf\udce9.png"
        ('cat/1.png', 2, True)
    """

    def __init__(self, buffer: UInt8[np.ndarray, " bytes"], offsets: Int64[np.ndarray, " n_and_1"]) -> None:
        self._buffer, self._offsets = buffer, offsets

    @classmethod
    def of(cls, names: Iterable[str]) -> "Names":
        """Gather names."""
        encoded = [name.encode("utf-8", "surrogateescape") for name in names]
        offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
        np.cumsum([len(name) for name in encoded], out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    # No slices: nobody needs them.
    def __getitem__(self, index: SupportsIndex) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        at = operator.index(index)
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        start, end = self._offsets[at % len(self)], self._offsets[at % len(self) + 1]
        return self._buffer[start:end].tobytes().decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        return (self[i] for i in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Names):
            return NotImplemented
        return np.array_equal(self._offsets, other._offsets) and np.array_equal(self._buffer, other._buffer)

    def __hash__(self) -> int:
        return hash((self._buffer.tobytes(), self._offsets.tobytes()))

    def __repr__(self) -> str:
        return f"Names({len(self)} names, {self._buffer.nbytes} bytes)"
