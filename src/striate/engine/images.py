"""Images as the core's poolings and normalisations take them: each is computed as it lies."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

import torch
from torch import Tensor

from striate.engine.conv2d import takes
from striate.engine.core import core
from striate.engine.isa import isa
from striate.engine.plain import lies_last

__all__ = ["LEAST", "Pair", "Steps", "empty", "is_worth", "laid_alike", "pool"]

Pair: TypeAlias = tuple[int, int]
Steps: TypeAlias = tuple[Pair, Pair, Pair, Pair]
"""Of a window: taps, stride, samples added above and on the left, dilation; down and across each."""

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


@lru_cache(maxsize=1024)
def pool(shape: torch.Size, positions: Pair, steps: Steps, channels_last: bool):
    """Give the core, and a pooling of images as it takes it.

    Raises:
        OptionError: STRIATE_ISA names a set that cannot be used.
        StriateError: The core is not built.
    """
    isa()
    return core(), core().Pool(tuple(shape), positions, *steps, channels_last)
