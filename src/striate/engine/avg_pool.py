"""Average pooling of images by the core, in the layout in which they lie."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch
from jaxtyping import Float32
from torch import Tensor

from striate.engine.images import Pair, Steps, empty, laid_alike, pool
from striate.engine.operation import Operation, applied

__all__ = ["Divisor", "avg_pool2d"]

Divisor: TypeAlias = tuple[tuple[int, int, int], bool]
"""What sums are divided by, or 0 for the count of samples; padding below and on the right; whether padding counts."""


def avg_pool2d(
    input: Float32[Tensor, "N C H W"],
    positions: Pair,
    steps: Steps,
    divisor: Divisor,
    by_torch: Callable[[Tensor], Tensor],
) -> Float32[Tensor, "N C P Q"]:
    """Take the mean of the samples under each window.

    Args:
        input: Images that `is_worth` holds for.
        positions: Down and across.
        steps: Of the window; its dilation is 1.
        divisor: How a sum becomes a mean.
        by_torch: The same by PyTorch, for second derivatives.

    Example:
        >>> image = torch.arange(16.0).view(1, 1, 4, 4)
        >>> avg_pool2d(image, (2, 2), ((2, 2), (2, 2), (0, 0), (1, 1)), ((0, 0, 0), True), torch.relu)
        tensor([[[[ 2.5000,  4.5000],
                  [10.5000, 12.5000]]]])
    """
    if not (input.requires_grad and torch.is_grad_enabled()):
        return _pooled(input, positions, steps, divisor)[0]
    forward = partial(_pooled, positions=positions, steps=steps, divisor=divisor)
    return applied(Operation(forward, partial(_gradient, steps=steps, divisor=divisor), by_torch), input)[0]


def _pooled(input: Tensor, positions: Pair, steps: Steps, divisor: Divisor) -> tuple[Tensor, ...]:
    last, (input,) = laid_alike(input)
    core, problem = pool(input.shape, positions, steps, last)
    output = empty((*input.shape[:2], *positions), channels_last=last)
    core.avg_pool(problem, *divisor, input.data_ptr(), output.data_ptr(), torch.get_num_threads())
    return (output,)


def _gradient(gradient: Tensor, input: Tensor, *, steps: Steps, divisor: Divisor) -> Tensor:
    last, (gradient,) = laid_alike(gradient)
    core, problem = pool(input.shape, (gradient.shape[2], gradient.shape[3]), steps, last)
    output = empty(input.shape, channels_last=last)
    core.avg_pool_gradient(problem, *divisor, gradient.data_ptr(), output.data_ptr(), torch.get_num_threads())
    return output
