"""Convolution by Fourier transforms of overlapped tiles, along any number of axes; strides are 1.

    tiles of the input  -->  spectra  -->  for every frequency the product with the kernels'  -->  tiles of the output

PyTorch transforms; the tiles, and in 32 bits the products, are ours. Kernels are correlated, so their spectra are
conjugate. A kernel's gradient is the input's correlation with the output's gradient, by tiles likewise.

Source: Stockham, "High-speed convolution and correlation", AFIPS Spring Joint Computer Conference 1966;
Mathieu, Henaff and LeCun, "Fast training of convolutional networks through FFTs", ICLR 2014.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Final, NamedTuple

import torch
from torch import Tensor

from striate.engine.overlap import put, spectra
from striate.engine.spectra import Sums, multiply, pack, right_floats, scratch, scratch_bytes
from striate.engine.tiling import Extent, Tiling, tiling
from striate.engine.transforms import returned, transformed

__all__ = ["Fourier", "turned"]

# What is transformed by one call, each of which makes a plan anew: more would leave the second cache, and be new memory
# from the system every time.
_CHUNK_BYTES: Final = 1 << 20


class _Block(NamedTuple):
    """Tiles that are taken together: of some images, some rows of tiles."""

    images: slice
    rows: range


@dataclass(frozen=True)
class Fourier:
    """A convolution with zeros around and stride 1, and its gradients.

    Args:
        input: `N C`, and the size along each axis.
        weight: `K C/groups`, and the taps along each axis.
        sides: Zeros before and after, along each axis; negative ones cut.
        dilation: Samples from one tap to the next, along each axis.
        groups: Blocks into which the channels are split.
        dtype: Of all numbers: 32 or 64 bits.
    """

    input: tuple[int, ...]
    weight: tuple[int, ...]
    sides: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int
    dtype: torch.dtype = torch.float32

    @cached_property
    def extent(self) -> Extent:
        """What decides on the tiles."""
        reach = tuple(step * (taps - 1) + 1 for step, taps in zip(self.dilation, self.weight[2:], strict=True))
        positions = tuple(
            size + sum(around) - one + 1 for size, around, one in zip(self.input[2:], self.sides, reach, strict=True)
        )
        return Extent(self.weight[1], self.weight[0] // self.groups, self.groups, reach, positions)

    @property
    def output(self) -> tuple[int, ...]:
        """`N K`, and the positions along each axis."""
        return (self.input[0], self.weight[0], *self.extent.positions)

    @cached_property
    def tiles(self) -> Tiling:
        """How an image is cut, whatever the batch."""
        return tiling(self.extent)

    @cached_property
    def weight_tiles(self) -> Tiling:
        """How images are cut for the gradient of the weight."""
        return tiling(self.extent, self.input[0], "weights")

    @cached_property
    def turned(self) -> "Fourier":
        """The convolution that is the gradient with respect to the input, with the weight that is `turned`."""
        sides = tuple(
            (reach - 1 - before, reach - 1 - after)
            for reach, (before, after) in zip(self.extent.reach, self.sides, strict=True)
        )
        weight = (self.input[1], self.weight[0] // self.groups, *self.weight[2:])
        return Fourier(self.output, weight, sides, self.dilation, self.groups, self.dtype)

    @property
    def prepared(self) -> int:
        """How many numbers a prepared weight is."""
        return right_floats(_of_images(self.tiles, 1), self.dtype)

    def workspace_bytes(self, threads: int, *, of_weight: bool = False) -> int:
        """Count the bytes that are kept meanwhile."""
        cut = self.weight_tiles if of_weight else self.tiles
        count = min(cut.together, self.input[0] * prod(cut.count))
        sums = (_of_weights if of_weight else _of_images)(cut, count)
        channels = self.input[1] + (1 if of_weight else 2) * self.weight[0]
        spectra = channels * count + (cut.spectra // cut.frequencies if of_weight else 0)
        tiles = count * max(self.input[1], self.weight[0]) * prod(cut.size) * self.dtype.itemsize
        right = right_floats(sums, self.dtype) * self.dtype.itemsize if of_weight else 0
        complexes = 2 * self.dtype.itemsize * spectra * cut.frequencies
        return complexes + tiles + right + scratch_bytes(sums, self.dtype, threads)

    def prepare(self, weight: Tensor, to: Tensor, threads: int) -> None:
        """Make a weight's spectra, as `convolve` reads them.

        Args:
            weight: As PyTorch has it, in any memory layout.
            to: As many numbers as `prepared` says; they are overwritten.
            threads: That share the work.
        """
        size, sums = self.tiles.size, _of_images(self.tiles, 1)
        taps = (..., *map(slice, [0] * len(size), self.extent.reach, self.dilation))
        (found,) = scratch(self.dtype, self.tiles.spectra)
        rows = found.view(*weight.shape[:2], *self.tiles.spectrum)
        each = _at_once(weight.shape[1], size, self.dtype)
        for first in range(0, len(weight), each):
            some = weight[first : first + each]
            spread = weight.new_zeros(*some.shape[:2], *size)
            spread[taps] = some
            rows[first : first + each] = transformed(spread, size)
        pack(found, sums, to, threads)

    def convolve(self, input: Tensor, prepared: Tensor, bias: Tensor | None, threads: int) -> Tensor:
        """Convolve.

        Args:
            input: Images, in any memory layout.
            prepared: The weight's spectra.
            bias: A number for each output channel.
            threads: That share the work.

        Returns:
            Contiguous images.
        """
        cut = self.tiles
        input, bias = input.contiguous(), None if bias is None else bias.contiguous()
        output = input.new_empty(self.output)
        before = [side[0] for side in self.sides]
        for block in _blocks(cut, self.input[0]):
            count = _tiles(cut, block)
            sums = _of_images(cut, count)
            memory = -(-scratch_bytes(sums, self.dtype, threads) // (2 * self.dtype.itemsize))
            made, extra = scratch(self.dtype, count * self.weight[0] * cut.frequencies, memory)
            left = spectra(input[block.images], cut, block.rows, cut.size, before, threads)
            multiply(left, prepared, made, sums, extra, add=False, threads=threads)
            put(made, output[block.images], cut, block.rows, bias, threads)
        return output

    def weight_gradient(self, gradient: Tensor, input: Tensor, to: Tensor, threads: int) -> None:
        """Correlate images with the output's gradient.

        Args:
            gradient: With respect to the output, in any memory layout.
            input: What was convolved, likewise.
            to: The gradient with respect to the weight, which is overwritten.
            threads: That share the work.
        """
        cut = self.weight_tiles
        input, gradient = input.contiguous(), gradient.contiguous()
        before, none = [side[0] for side in self.sides], [0] * len(cut.size)
        blocks = list(_blocks(cut, self.input[0]))
        sums = _of_weights(cut, max(_tiles(cut, block) for block in blocks))
        memory = -(-scratch_bytes(sums, self.dtype, threads) // (2 * self.dtype.itemsize))
        right, made, extra = scratch(self.dtype, -(-right_floats(sums, self.dtype) // 2), cut.spectra, memory)
        for place, block in enumerate(blocks):
            sums = _of_weights(cut, _tiles(cut, block))
            left = spectra(input[block.images], cut, block.rows, cut.size, before, threads)
            other = spectra(gradient[block.images], cut, block.rows, cut.step, none, threads)
            packed = torch.view_as_real(right).flatten()[: right_floats(sums, self.dtype)]
            pack(other, sums, packed, threads)
            multiply(left, packed, made, sums, extra, add=place > 0, threads=threads)
        taps = (..., *map(slice, none, self.extent.reach, self.dilation))
        rows = made.view(*to.shape[:2], *cut.spectrum)
        each = _at_once(to.shape[1], cut.size, self.dtype)
        for first in range(0, len(to), each):
            to[first : first + each] = returned(rows[first : first + each], cut.size)[taps]


def turned(weight: Tensor, groups: int) -> Tensor:
    """Exchange a weight's channels and kernels, in each group, and flip it.

    Example:
        >>> turned(torch.arange(6.0).view(2, 1, 3), 2)[:, 0]
        tensor([[2., 1., 0.],
                [5., 4., 3.]])
    """
    exchanged = weight.unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1)
    return exchanged.flip(tuple(range(2, weight.dim())))


def _of_images(cut: Tiling, count: int) -> Sums:
    """Write the products that make an output: of each tile, sums over channels."""
    of, f = cut.extent, cut.frequencies
    return Sums(
        *(of.groups, count, of.kernels, of.channels, f),
        left=(of.channels * f, of.groups * of.channels * f, f),
        right=(of.kernels * of.channels * f, of.channels * f, f),
        out=(of.kernels * f, of.groups * of.kernels * f, f),
    )


def _of_weights(cut: Tiling, count: int) -> Sums:
    """Write the products that make a weight's gradient: of each channel and kernel, sums over tiles."""
    of, f = cut.extent, cut.frequencies
    return Sums(
        *(of.groups, of.channels, of.kernels, count, f),
        left=(of.channels * f, f, of.groups * of.channels * f),
        right=(of.kernels * f, f, of.groups * of.kernels * f),
        out=(of.kernels * of.channels * f, f, of.channels * f),
    )


def _blocks(cut: Tiling, images: int) -> Iterator[_Block]:
    rows, of_image = cut.count[0], prod(cut.count)
    at_once, high = max(1, cut.together // of_image), rows
    if cut.together < of_image:
        high = max(1, cut.together * rows // of_image)
    for image in range(0, images, at_once):
        for row in range(0, rows, high):
            yield _Block(slice(image, min(images, image + at_once)), range(row, min(rows, row + high)))


def _tiles(cut: Tiling, block: _Block) -> int:
    return (block.images.stop - block.images.start) * len(block.rows) * prod(cut.count[1:])


def _at_once(channels: int, size: Sequence[int], dtype: torch.dtype) -> int:
    """Say how many kernels are transformed by one call."""
    return max(1, _CHUNK_BYTES // (channels * prod(size) * dtype.itemsize))
