"""Overlapped tiles of planes, to their spectra and back.

Along one axis or two, and in 32 bits, the core cuts and puts together; PyTorch transforms, forward both ways: of a
spectrum, `re - im`, and `re + im` at the negative frequency, are real numbers whose transform has the samples in it
likewise. That way the bits of a tile depend neither on the others nor on the threads, and it takes half as long as
PyTorch's way back. All else is PyTorch's alone.

Source: Bracewell, "Discrete Hartley transform", J. Opt. Soc. Am. 73 (1983).
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

from striate.engine import transforms
from striate.engine.core import core
from striate.engine.tiling import Tiling

__all__ = ["put", "spectra"]


def _ours(cut: Tiling, dtype: torch.dtype) -> bool:
    """Tell whether tiles are such; others are PyTorch's alone."""
    return dtype is torch.float32 and len(cut.size) <= 2 and cut.size[-1:] != (1,)


def spectra(
    images: Tensor, cut: Tiling, rows: range, window: Sequence[int], before: Sequence[int], threads: int
) -> Tensor:
    """Cut contiguous images, and transform.

    Args:
        images: `N`, channels, and the size along each axis.
        cut: How.
        rows: Of tiles, which are cut.
        window: Samples of a tile along each axis; zeros fill it up to its size.
        before: Zeros before the image, along each axis.
        threads: That share the work.

    Returns:
        The tiles of an image after those of another, of each tile its channels' spectra.
    """
    if not _ours(cut, images.dtype):
        return transforms.spectra(images, cut, rows, window, before)
    (count, planes), of = images.shape[:2], _overlap(images.shape[1:], cut, rows, window, before)
    tiles = images.new_empty(count * len(rows) * prod(cut.count[1:]) * planes, *_two(cut.size))
    core().cut(of, images.data_ptr(), tiles.data_ptr(), count, threads)
    return _transformed(tiles)


def put(made: Tensor, output: Tensor, cut: Tiling, rows: range, offset: Tensor | None, threads: int) -> None:
    """Transform spectra back, and store what is not mixed in contiguous images.

    Args:
        made: Of tiles, as `spectra` returns them.
        output: `N`, channels, and the positions along each axis.
        cut: How.
        rows: Of tiles.
        offset: A number for each channel, which is added.
        threads: That share the work.
    """
    if not _ours(cut, output.dtype):
        transforms.put(made, output, cut, rows, offset)
        return
    of = _overlap(output.shape[1:], cut, rows, cut.step, (0,) * len(cut.size))
    size = _two(cut.size)
    count = output.shape[0] * len(rows) * prod(cut.count[1:]) * output.shape[1]
    tiles = output.new_empty(count, *size)
    core().unfold(made.data_ptr(), tiles.data_ptr(), count, size, threads)
    found = _transformed(tiles)
    address = 0 if offset is None else offset.data_ptr()
    core().put(of, found.data_ptr(), address, output.data_ptr(), output.shape[0], threads)


def _transformed(tiles: Tensor) -> Tensor:
    return torch.fft.rfft(tiles) if tiles.shape[1] == 1 else torch.fft.rfft2(tiles)


def _overlap(planes: Sequence[int], cut: Tiling, rows: range, window: Sequence[int], before: Sequence[int]) -> Any:
    """Write sizes for the core, whose planes have two axes; of one axis, tiles are counted across."""
    channels, *size = planes
    tiles = (rows.start, len(rows), cut.count[1]) if len(cut.size) == 2 else (0, 1, len(rows))
    down = before if len(cut.size) == 2 else (0, before[0] - rows.start * cut.step[0])
    return core().Overlap((channels, *_two(size)), tiles, _two(cut.step), down, _two(window), _two(cut.size))


def _two(sizes: Sequence[int]) -> tuple[int, int]:
    """Give an axis of one sample before the only one."""
    return (1, sizes[0]) if len(sizes) == 1 else (sizes[0], sizes[1])
