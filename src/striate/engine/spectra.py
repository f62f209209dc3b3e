"""Products of spectra: of every frequency by itself, a sum over channels or over tiles.

In 32 bits by the core; in 64 by PyTorch. Memory for them is kept by each thread, and used again.
"""

import threading
from typing import Final, NamedTuple

import torch
from torch import Tensor

from striate.engine.core import core

__all__ = ["Sums", "multiply", "pack", "right_floats", "scratch", "scratch_bytes"]

_ALIGNED: Final = 64  # bytes of a cache line
_COMPLEX: Final = {torch.float32: torch.complex64, torch.float64: torch.complex128}


class Sums(NamedTuple):
    """For every frequency and group, `out[row][column] = Σ left[depth][row] · right[depth][column]`.

    Steps are in complex numbers: of a group, of a row or column, and along the depth or of a column.

    Args:
        groups: Of products.
        rows: Of each.
        columns: Of each.
        depth: Of the sums.
        frequencies: Which lie side by side.
        left: Steps of the left side: group, row, depth.
        right: Steps of the right side, before it is packed: group, column, depth.
        out: Steps of what is made: group, row, column.
    """

    groups: int
    rows: int
    columns: int
    depth: int
    frequencies: int
    left: tuple[int, int, int]
    right: tuple[int, int, int]
    out: tuple[int, int, int]


class _Memory(threading.local):
    buffer: Tensor = torch.empty(0, dtype=torch.uint8, device="cpu")


_MEMORY: Final = _Memory()


def scratch(dtype: torch.dtype, *numbers: int) -> list[Tensor]:
    """Give memory for so many complex numbers each, whose parts are of a dtype: this thread's, until it asks again."""
    sizes = [-(-count * 2 * dtype.itemsize // _ALIGNED) * _ALIGNED for count in numbers]
    if _MEMORY.buffer.numel() < sum(sizes) + _ALIGNED:
        _MEMORY.buffer = torch.empty(sum(sizes) + _ALIGNED, dtype=torch.uint8, device="cpu")
    at, found = -_MEMORY.buffer.data_ptr() % _ALIGNED, list[Tensor]()
    for count, size in zip(numbers, sizes, strict=True):
        found.append(_MEMORY.buffer[at : at + count * 2 * dtype.itemsize].view(_COMPLEX[dtype]))
        at += size
    return found


def scratch_bytes(of: Sums, dtype: torch.dtype, threads: int) -> int:
    """Count the bytes that `multiply` needs meanwhile."""
    return threads * core().spectral_workspace(of[:5]) if dtype is torch.float32 else 0


def right_floats(of: Sums, dtype: torch.dtype) -> int:
    """Count the numbers of a packed right side."""
    if dtype is torch.float32:
        return core().spectral_right(of.groups, of.columns, of.depth, of.frequencies)
    return 2 * of.groups * of.columns * of.depth * of.frequencies


def pack(right: Tensor, of: Sums, to: Tensor, threads: int) -> None:
    """Lay a right side as `multiply` reads it, conjugate.

    Args:
        right: Complex numbers.
        of: What is made of them.
        to: As many real ones as `right_floats` says.
        threads: That share the work.
    """
    if right.dtype is torch.complex64:
        sizes = (of.groups, of.columns, of.depth, of.frequencies)
        core().pack_spectra(right.data_ptr(), to.data_ptr(), sizes, _floats(of.right), True, threads)
        return
    shape = (of.groups, of.columns, of.depth, of.frequencies)
    to.view(right.dtype).view(shape).copy_(right.as_strided(shape, (*of.right, 1)).conj())


def multiply(left: Tensor, right: Tensor, out: Tensor, of: Sums, memory: Tensor, *, add: bool, threads: int) -> None:
    """Multiply.

    Args:
        left: Complex numbers.
        right: What `pack` made.
        out: Complex numbers, which are overwritten.
        of: What lies where.
        memory: For what is kept meanwhile; see `scratch_bytes`.
        add: Whether the sums are added to what is there.
        threads: That share the work.
    """
    if left.dtype is torch.complex64:
        addresses = (left.data_ptr(), right.data_ptr(), out.data_ptr())
        steps = (_floats(of.left), _floats(of.out))
        core().spectral_product(*addresses, of[:5], *steps, add, memory.data_ptr(), threads)
        return
    a = left.as_strided((of.groups, of.rows, of.depth, of.frequencies), (*of.left, 1))
    b = right.view(left.dtype).view(of.groups, of.columns, of.depth, of.frequencies)
    to = out.as_strided((of.groups, of.rows, of.columns, of.frequencies), (*of.out, 1))
    sums = torch.einsum("gidf,gjdf->gijf", a, b)
    to.copy_(to + sums if add else sums)


def _floats(steps: tuple[int, int, int]) -> tuple[int, int, int]:
    first, second, third = steps
    return 2 * first, 2 * second, 2 * third
