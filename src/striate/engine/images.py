"""Images as the core's poolings and normalisations take them: each is computed as it lies.

Means of volumes are taken in two steps, each of which sees images: slice by slice, and then along the depth, where
what is of one slice is a row.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeAlias

import torch
from jaxtyping import Shaped
from torch import Tensor

from striate.engine.conv2d import takes
from striate.engine.core import core
from striate.engine.isa import isa
from striate.engine.plain import lies_last

__all__ = [
    "LEAST",
    "Pair",
    "Steps",
    "Three",
    "VolumeSteps",
    "along_depth",
    "empty",
    "is_worth",
    "laid_alike",
    "of_slices",
    "pool",
    "slices",
    "stacked",
]

Pair: TypeAlias = tuple[int, int]
Steps: TypeAlias = tuple[Pair, Pair, Pair, Pair]
"""Of a window: taps, stride, samples added above and on the left, dilation; down and across each."""

Three: TypeAlias = tuple[int, int, int]
VolumeSteps: TypeAlias = tuple[Three, Three, Three, Three]
"""The same of volumes, along the depth first."""

_NONE: Final = (1, 1, 0, 1)  # taps, stride, samples before, dilation, where there is no window

# Measured: of smaller images PyTorch's functions, which are one call, are done before ours have begun.
LEAST = 1 << 12

_FORMATS = {True: torch.channels_last, False: torch.contiguous_format}


def is_worth(input: Tensor, least: int = LEAST) -> bool:
    """Tell whether the core is to compute with an image, here and now; a compiler's or tracer's is PyTorch's.

    Example:
        >>> is_worth(torch.zeros(1, 4, 32, 32)), is_worth(torch.zeros(1, 4, 8, 8)), is_worth(torch.zeros(64, 64).int())
        (True, False, False)
    """
    return (
        not torch.compiler.is_compiling() and input.numel() >= least and input.dtype is torch.float32 and takes(input)
    )


def laid_alike(input: Tensor, *others: Tensor) -> tuple[bool, tuple[Tensor, ...]]:
    """Say whether channels lie last, and give all as the first one lies; what lies otherwise is copied.

    Example:
        >>> laid_alike(torch.zeros(1, 2, 2, 3).transpose(2, 3))[1][0].stride()
        (12, 6, 2, 1)
    """
    last = not input.is_contiguous() and lies_last(input, input)
    layout = _FORMATS[last]
    if not others and input.is_contiguous(memory_format=layout):  # to ask costs less than a call that does nothing
        return last, (input,)
    return last, tuple(tensor.contiguous(memory_format=layout) for tensor in (input, *others))


def empty(shape: Sequence[int], *, channels_last: bool, dtype: torch.dtype = torch.float32) -> Tensor:
    """Make images without numbers.

    Example:
        >>> empty((1, 3, 2, 2), channels_last=True).stride()
        (12, 1, 6, 3)
    """
    return torch.empty(shape, dtype=dtype, memory_format=_FORMATS[channels_last])


_IMAGES: Final = (1, 1, 1, 1, 0, 1)


@lru_cache(maxsize=1024)
def pool(shape: Sequence[int], positions: Pair, steps: Steps, channels_last: bool, depth: tuple[int, ...] = _IMAGES):
    """Give the core, and a pooling of images as it takes it.

    Args:
        shape: Of the images, or of each slice of volumes.
        positions: Down and across.
        steps: Of the window.
        channels_last: Whether they lie so.
        depth: Of volumes: slices, positions, taps, stride, slices added before, dilation.

    Raises:
        OptionError: STRIATE_ISA names a set that cannot be used.
        StriateError: The core is not built.
    """
    isa()
    return core(), core().Pool(tuple(shape), positions, *steps, channels_last, depth)


def slices(volumes: Shaped[Tensor, "N C D H W"]) -> Shaped[Tensor, "M K H W"]:
    """View volumes as images, of which each slice is some: what lies in neither layout is copied.

    Example:
        >>> slices(torch.zeros(2, 3, 4, 5, 6)).shape
        torch.Size([2, 12, 5, 6])
        >>> slices(torch.zeros(2, 3, 4, 5, 6).to(memory_format=torch.channels_last_3d)).shape
        torch.Size([8, 3, 5, 6])
    """
    if not volumes.is_contiguous() and volumes.is_contiguous(memory_format=torch.channels_last_3d):
        return volumes.transpose(1, 2).flatten(0, 1)
    return volumes.contiguous().flatten(1, 2)


def stacked(images: Shaped[Tensor, "M K H W"], channels: int, depth: int) -> Shaped[Tensor, "N C D H W"]:
    """View slices as the volumes that they are of.

    Args:
        images: As `slices` gives them, or what became of them.
        channels: Of the volumes.
        depth: Of the volumes.

    Example:
        >>> stacked(torch.zeros(8, 3, 5, 6), 3, 4).shape
        torch.Size([2, 3, 4, 5, 6])
    """
    if images.shape[1] == channels * depth:
        return images.unflatten(1, (channels, depth))
    return images.unflatten(0, (-1, depth)).transpose(1, 2)


def of_slices(steps: VolumeSteps) -> Steps:
    """Give the part of a window that lies in a slice.

    Example:
        >>> of_slices(((3, 2, 2), (1, 2, 2), (1, 0, 0), (1, 1, 1)))
        ((2, 2), (2, 2), (0, 0), (1, 1))
    """
    taps, stride, before, dilation = (each[1:] for each in steps)
    return taps, stride, before, dilation


def along_depth(steps: VolumeSteps) -> Steps:
    """Give the part of a window that lies along the depth, down the rows that slices are there.

    Example:
        >>> along_depth(((3, 2, 2), (1, 2, 2), (1, 0, 0), (1, 1, 1)))
        ((3, 1), (1, 1), (1, 0), (1, 1))
    """
    taps, stride, before, dilation = ((each[0], none) for each, none in zip(steps, _NONE, strict=True))
    return taps, stride, before, dilation
