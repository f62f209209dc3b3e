"""Many matrices, each with a few columns that are gathered from where they lie: unshared convolution's arithmetic."""

from collections.abc import Sequence

import torch
from torch import Tensor

from striate.engine.core import core
from striate.engine.isa import isa

__all__ = ["products", "refuses"]

# Measured with AVX-512: at 16 columns `torch.bmm` of unfolded patches is as fast; where sums are short it is faster (at
# 32, not at 288).
MOST_COLUMNS = 8
LEAST_DEPTH = 64


def refuses(matrices: Tensor, columns: int) -> str:
    """Say why such matrices, with so many columns each, are not for `products`; "" where they are.

    Example:
        >>> refuses(torch.zeros(576, 64, 288), 8)
        ''
        >>> refuses(torch.zeros(576, 64, 288), 9)
        'over 8 columns'
    """
    reasons = {
        "not of float32": matrices.dtype != torch.float32,
        "not in the processor's memory": matrices.device.type != "cpu",
        "no columns": columns == 0,
        f"over {MOST_COLUMNS} columns": columns > MOST_COLUMNS,
        f"sums of less than {LEAST_DEPTH}": matrices.shape[2] < LEAST_DEPTH,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def products(matrices: Tensor, columns: Tensor, axes: Sequence[int]) -> Tensor:
    """Multiply each matrix with its columns; nothing is unfolded.

    Args:
        matrices: `(M, K, D)`, float32 in the memory of the processor; each is read once.
        columns: A view of any strides, `(*M, *D, *columns)`: the same number may be in many places.
        axes: How many axes number the matrices, and how many their depth.

    Returns:
        `(M, K, columns)`. A sum depends neither on the threads nor on the other columns.

    Raises:
        OptionError: STRIATE_ISA names a set that cannot be used.
        StriateError: The core is not built.

    Example:
        >>> signal = torch.arange(5.0)  # its windows of two, for a matrix each: (1, 2) at each of four positions
        >>> products(torch.ones(4, 1, 2), signal.as_strided((4, 2, 1), (1, 1, 0)), (1, 1)).flatten()
        tensor([1., 3., 5., 7.])
    """
    isa()
    matrices, columns = matrices.contiguous().resolve_neg(), columns.resolve_neg()
    numbered, deep = axes
    shape, steps = columns.shape, columns.stride()
    ends = (slice(0, numbered), slice(numbered, numbered + deep), slice(numbered + deep, None))
    matrix_at, depth_at, column_at = (_places(shape[part], steps[part]) for part in ends)
    out = matrices.new_empty(matrices.shape[0], matrices.shape[1], len(column_at))
    addresses = matrices.data_ptr(), columns.data_ptr(), out.data_ptr()
    core().multiply(*addresses, matrix_at, matrices.shape[1], depth_at, column_at, torch.get_num_threads())
    return out


def _places(shape: Sequence[int], steps: Sequence[int]) -> list[int]:
    """Say where each element lies, in elements from the first, the last axis fastest."""
    places = [0]
    for size, step in zip(shape, steps, strict=True):
        places = [place + i * step for place in places for i in range(size)]
    return places
