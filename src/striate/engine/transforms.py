"""Overlapped tiles along any number of axes, in any floats, to their spectra and back, by PyTorch alone."""

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional as F

from striate.engine.tiling import Tiling

__all__ = ["put", "returned", "spectra", "transformed"]


def spectra(images: Tensor, cut: Tiling, rows: range, window: Sequence[int], before: Sequence[int]) -> Tensor:
    """Cut images, and transform: see `overlap`."""
    tiles = _windows(images, cut, rows, window, before)
    *counts, channels = tiles.shape[: len(cut.size) + 2]
    found = torch.empty(*counts, channels, *cut.spectrum, dtype=images.dtype.to_complex())
    for tile in product(*map(range, counts)):
        found[tile] = transformed(tiles[tile].contiguous(), cut.size)
    return found


def put(made: Tensor, output: Tensor, cut: Tiling, rows: range, offset: Tensor | None) -> None:
    """Transform spectra back, and store what is not mixed: see `overlap`."""
    counts = (output.shape[0], len(rows), *cut.count[1:])
    tiles = made.view(*counts, output.shape[1], *cut.spectrum)
    offset = None if offset is None else offset.view(-1, *[1] * len(cut.size))
    for tile in product(*map(range, counts)):
        image, row, *others = tile
        places = zip((row + rows.start, *others), cut.step, strict=True)
        to = output[(image, slice(None), *(slice(at * step, (at + 1) * step) for at, step in places))]
        found = returned(tiles[tile], cut.size)[(slice(None), *map(slice, to.shape[1:]))]
        to.copy_(found if offset is None else found + offset)


def _windows(images: Tensor, cut: Tiling, rows: range, window: Sequence[int], before: Sequence[int]) -> Tensor:
    """Look at tiles: `N`, their numbers along each axis, channels, the window."""
    some = images
    first = [rows.start, *[0] * (len(window) - 1)]
    counts = [len(rows), *cut.count[1:]]
    pads: list[int] = []
    for axis, (at, count, wide, step, zeros) in enumerate(zip(first, counts, window, cut.step, before, strict=True)):
        size, low, length = some.shape[2 + axis], at * step - zeros, (count - 1) * step + wide
        begin, end = (min(max(place, 0), size) for place in (low, low + length))
        some = some.narrow(2 + axis, begin, end - begin)
        missing = min(max(0, -low), length)
        pads = [missing, length - missing - (end - begin), *pads]
    padded = F.pad(some, pads) if any(pads) else some
    for axis, (wide, step) in enumerate(zip(window, cut.step, strict=True)):
        padded = padded.unfold(2 + axis, wide, step)
    return padded.movedim(1, len(window) + 1)


# The bits of PyTorch's complex transforms depend on how many there are. So where they come in, along two axes on the
# way back and along three, tiles are transformed one by one. Along three at once bits depend on the threads as well.


def _axes(size: Sequence[int]) -> tuple[int, ...]:
    """Name the axes that are transformed: one sample is its own spectrum."""
    return tuple(axis - len(size) for axis, one in enumerate(size) if one > 1) or (-1,)


def transformed(tiles: Tensor, size: Sequence[int]) -> Tensor:
    """Transform the last axes, zeros behind them up to a size."""
    far, near = _axes(size)[:-2], _axes(size)[-2:]
    spectra = torch.fft.rfftn(tiles, s=[size[axis] for axis in near], dim=near)
    for axis in far:
        spectra = torch.fft.fft(spectra, n=size[axis], dim=axis)
    return spectra


def returned(spectra: Tensor, size: Sequence[int]) -> Tensor:
    """Transform spectra of real numbers back."""
    axes = _axes(size)
    return torch.fft.irfftn(spectra, s=[size[axis] for axis in axes], dim=axes)
