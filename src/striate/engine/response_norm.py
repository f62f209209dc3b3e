"""Local response normalisation by the core, in the layout in which the maps lie."""

from collections.abc import Callable
from functools import partial
from math import prod

import torch
from jaxtyping import Float32
from torch import Tensor

from striate.engine.core import core
from striate.engine.isa import isa
from striate.engine.operation import Operation, applied

__all__ = ["response_norm"]


def response_norm(
    input: Float32[Tensor, "N C *spatial"],
    around: tuple[int, int],
    numbers: tuple[float, float, float],
    by_torch: Callable[[Tensor], Tensor],
) -> Float32[Tensor, "N C *spatial"]:
    """Divide every sample by the strength of the maps around its own: `x * (k + share * Σ x²) ** -beta`.

    Args:
        input: Maps that `is_worth` holds for.
        around: Maps before and after its own, besides it.
        numbers: The share, beta and k.
        by_torch: The same by PyTorch, for second derivatives.

    Raises:
        OptionError: STRIATE_ISA names a set that cannot be used.
        StriateError: The core is not built.

    Example:
        >>> response_norm(torch.ones(1, 3, 1), (1, 1), (1.0, 1.0, 1.0), torch.relu).flatten()
        tensor([0.3333, 0.2500, 0.3333])
    """
    isa()
    around = min(around[0], input.shape[1]), min(around[1], input.shape[1])  # there are no more
    if not (input.requires_grad and torch.is_grad_enabled()):
        return _normed(input, None, around, numbers)
    forward = partial(_normed, gradient=None, around=around, numbers=numbers)
    gradient = partial(_gradient, around=around, numbers=numbers)
    return applied(Operation(lambda x: (forward(x),), gradient, by_torch), input)[0]


def _gradient(gradient: Tensor, input: Tensor, *, around: tuple[int, int], numbers: tuple[float, ...]) -> Tensor:
    return _normed(input, gradient, around, numbers)


def _normed(input: Tensor, gradient: Tensor | None, around: tuple[int, int], numbers: tuple[float, ...]) -> Tensor:
    last = not input.is_contiguous() and input.movedim(1, -1).is_contiguous()
    x = input if last else input.contiguous()
    arriving = None if gradient is None else _laid(gradient, last=last)
    output, sizes = torch.empty_like(x), (x.shape[0], x.shape[1], prod(x.shape[2:]))
    addresses = x.data_ptr(), 0 if arriving is None else arriving.data_ptr(), output.data_ptr()
    core().response_norm(sizes, last, around, numbers, *addresses, torch.get_num_threads())
    return output


def _laid(tensor: Tensor, *, last: bool) -> Tensor:
    return tensor.movedim(1, -1).contiguous().movedim(-1, 1) if last else tensor.contiguous()
