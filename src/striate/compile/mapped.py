"""Tensors of a safetensors file where they lie in it: read when they are first used, and let go again."""

import json
import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

__all__ = ["Mapped", "mapped"]

_KINDS: Final = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
}
"""As the format calls them."""

_LENGTH_BYTES: Final = 8  # of the header's length, with which a file begins
_LONGEST_HEADER: Final = 100_000_000  # as the format has it


class Mapped(NamedTuple):
    """A file's tensors.

    Args:
        tensors: By name, in the file's memory: they must not be written to, nor may the file be.
        notes: What the header says besides.
        forget: Lets the system have the memory of all that was read; whoever reads again gets it from the file.
    """

    tensors: dict[str, Tensor]
    notes: dict[str, Any]
    forget: Callable[[], None]


def mapped(path: Path) -> Mapped:
    """Look into a file. Nothing is read but its header.

    Args:
        path: The file.

    Raises:
        OSError: It cannot be opened.
        ValueError: It is no such file, or tensors reach beyond it.
    """
    with path.open("rb") as file:
        if not (size := path.stat().st_size):
            raise ValueError("it is empty")
        content = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY)  # otherwise PyTorch warns of its tensors
    end = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little")
    if not _LENGTH_BYTES < end <= min(size, _LONGEST_HEADER):
        raise ValueError("its header is longer than the file")
    header = json.loads(content[_LENGTH_BYTES:end])
    notes = header.pop("__metadata__", {})
    tensors = {str(name): _tensor(content, end, **entry) for name, entry in header.items()}

    def forget() -> None:
        if hasattr(mmap, "MADV_DONTNEED"):  # not on every system
            content.madvise(mmap.MADV_DONTNEED)

    return Mapped(tensors, notes, forget)


def _tensor(content: mmap.mmap, start: int, *, dtype: str, shape: list[int], data_offsets: list[int]) -> Tensor:
    kind, (begin, end) = _KINDS[dtype], data_offsets
    count = 1
    for side in shape:
        if type(side) is not int or side < 0:
            raise ValueError(f"a tensor is of size {shape}")
        count *= side
    if not 0 <= begin <= end <= len(content) - start or end - begin != count * kind.itemsize:
        raise ValueError(f"a tensor of size {shape} does not lie in bytes {begin} to {end}")
    if not count:
        return torch.empty(shape, dtype=kind)
    found = torch.frombuffer(content, dtype=torch.uint8, count=end - begin, offset=start + begin)
    if found.data_ptr() % kind.itemsize:  # of a file that others wrote; numbers lie at multiples of their size
        found = found.clone()
    return found.view(kind).reshape(shape)
