"""How an image is cut into overlapped tiles for convolution by Fourier transforms, and what that takes.

A tile of `size` samples gives `step = size - reach + 1` outputs: the rest of the circle that a transform closes is
mixed from both of its ends, and thrown away. Everything here is sizes along any number of axes; strides are 1.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from math import log2, prod
from typing import Final, Literal, NamedTuple

__all__ = ["Extent", "Tiling", "tiling"]

Use = Literal["images", "weights"]
"""What is computed: images from images and kernels, or kernels from images and gradients."""

# What things take, in multiply-adds of one thread: fitted to times with AVX-512, where it does 128 in a nanosecond.
_TRANSFORM: Final = 12.0  # a sample times the logarithm of the tile, of the input or of the output
_FAR: Final = 4.0  # times as long takes a transform of more samples than that, which leaves the second cache
_NEAR_SAMPLES: Final = 1 << 16
_SAMPLE: Final = 250.0  # a sample that is cut out or put back
_THREE: Final = 2.5  # times as long takes both along three axes, where PyTorch is alone
_PRODUCT: Final = 18.0  # a complex multiply-add
_RIGHT: Final = 110.0  # a complex number of the kernels' spectra, which come from memory
_TILE: Final = 0.2e6
_BLOCK: Final = 2e6  # a block of tiles: PyTorch is called for each
_PACKED: Final = 75.0  # a complex number of the kernels' spectra, when they are made, times that logarithm

# Tiles are taken together, so that the kernels' spectra are read once for many, until they take this.
_TOGETHER_BYTES: Final = 48 << 20
_COMPLEX: Final = 8

_MOST_SIZES: Final = 7  # that are weighed along an axis

# Of the last axis: the bits of PyTorch's shorter transforms depend on the threads.
_LEAST: Final = 16


class Extent(NamedTuple):
    """A convolution's sizes, along as many axes as it has.

    Args:
        channels: Of the input, in one group.
        kernels: Of the output, in one group.
        groups: Blocks of channels.
        reach: Samples from a kernel's first tap to its last, both counted, along each axis.
        positions: Outputs along each axis.
    """

    channels: int
    kernels: int
    groups: int
    reach: tuple[int, ...]
    positions: tuple[int, ...]


@dataclass(frozen=True)
class Tiling:
    """How images are cut.

    Args:
        extent: What is convolved.
        size: Of a tile, along each axis.
    """

    extent: Extent
    size: tuple[int, ...]

    @cached_property
    def step(self) -> tuple[int, ...]:
        """Outputs of a tile, along each axis; also samples from one to the next. As even as can be."""
        return tuple(-(-p // count) for p, count in zip(self.extent.positions, self.count, strict=True))

    @cached_property
    def count(self) -> tuple[int, ...]:
        """Tiles along each axis."""
        sizes = zip(self.size, self.extent.reach, self.extent.positions, strict=True)
        return tuple(-(-positions // (size - reach + 1)) for size, reach, positions in sizes)

    @cached_property
    def spectrum(self) -> tuple[int, ...]:
        """The spectrum's shape: of real samples, half of the last axis that has more than one tells all."""
        halved = max((axis for axis, size in enumerate(self.size) if size > 1), default=0)
        return tuple(size // 2 + 1 if axis == halved else size for axis, size in enumerate(self.size))

    @cached_property
    def frequencies(self) -> int:
        """Complex numbers of a tile's spectrum."""
        return prod(self.spectrum)

    @cached_property
    def together(self) -> int:
        """How many tiles are a block."""
        channels = (self.extent.channels + self.extent.kernels) * self.extent.groups
        return max(1, _TOGETHER_BYTES // (_COMPLEX * channels * self.frequencies))

    @property
    def spectra(self) -> int:
        """Complex numbers of the kernels' spectra."""
        of = self.extent
        return of.groups * of.kernels * of.channels * self.frequencies

    def work(self, images: int, use: Use = "images") -> float:
        """Tell what it takes, in multiply-adds' worth of time; kernels' spectra are there already.

        Args:
            images: How many.
            use: What for.
        """
        of, tiles = self.extent, images * prod(self.count)
        channels = (of.channels + of.kernels) * of.groups
        blocks = -(-tiles // self.together)
        samples = tiles * channels * prod(self.size)
        far = _FAR if prod(self.size) > _NEAR_SAMPLES else 1.0
        each = far * _TRANSFORM * log2(max(2, prod(self.size))) + _SAMPLE
        transforms = samples * each * (_THREE if len(self.size) > 2 else 1.0)
        products = self.spectra * (_PRODUCT * tiles + _RIGHT * blocks)
        kernels = self.packing if use == "weights" else 0.0
        return transforms + products + kernels + _TILE * tiles + _BLOCK * blocks

    @property
    def packing(self) -> float:
        """What it takes to make the kernels' spectra, or kernels of theirs."""
        return _PACKED * self.spectra * log2(max(2, prod(self.size)))


@lru_cache(maxsize=4096)
def tiling(extent: Extent, images: int = 1, use: Use = "images") -> Tiling:
    """Choose the tiles that take the least.

    Of images, for one of them: the bits of an output depend on the tile, and must not on the batch.

    Example:
        >>> found = tiling(Extent(64, 64, 1, (11, 11), (64, 64)))
        >>> all(size >= 11 for size in found.size)
        True
    """
    choices = [
        _sizes(reach, positions, last=axis == len(extent.reach) - 1)
        for axis, (reach, positions) in enumerate(zip(extent.reach, extent.positions, strict=True))
    ]
    tilings = (Tiling(extent, size) for size in product(*choices))
    return min(tilings, key=lambda one: (one.work(images, use), one.size))


def _sizes(reach: int, positions: int, *, last: bool) -> list[int]:
    """List sizes that transforms are fast for: from little more than the kernel to one tile for all."""
    if reach == 1 and positions == 1:
        return [1]
    least = _LEAST if last else 1
    return sorted({_fast(max(least, -(-positions // n) + reach - 1), even=last) for n in _parts(positions, reach)})


def _parts(positions: int, reach: int) -> list[int]:
    """Into how many tiles an axis may be cut: fewer and fewer, until they are hardly larger than the kernel."""
    most = max(1, -(-positions // max(1, reach // 2)))
    if most <= _MOST_SIZES:
        return list(range(1, most + 1))
    return sorted({round(most ** (i / (_MOST_SIZES - 1))) for i in range(_MOST_SIZES)} | {2, 3})


@lru_cache(maxsize=4096)
def _fast(least: int, *, even: bool) -> int:
    """Find the next size that is a product of small primes.

    Example:
        >>> _fast(74, even=True), _fast(31, even=False)
        (80, 32)
    """
    size = least
    while (even and size % 2) or not _smooth(size):
        size += 1
    return size


def _smooth(size: int) -> bool:
    for prime in (2, 3, 5):
        while size % prime == 0:
            size //= prime
    return size == 1
