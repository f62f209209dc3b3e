"""Average pooling of images and volumes by the core, in the layout in which they lie."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import torch
from jaxtyping import Float32
from torch import Tensor

from striate.engine.images import (
    Pair,
    Steps,
    Three,
    VolumeSteps,
    along_depth,
    empty,
    laid_alike,
    of_slices,
    pool,
    slices,
    stacked,
)
from striate.engine.operation import Operation, applied

__all__ = ["Divisor", "VolumeDivisor", "avg_pool2d", "avg_pool3d"]

Divisor: TypeAlias = tuple[tuple[int, int, int], bool]
"""What sums are divided by, or 0 for the count of samples; padding below and on the right; whether padding counts."""

VolumeDivisor: TypeAlias = tuple[tuple[int, int, int, int], bool]
"""The same of volumes: padding behind comes first."""


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


def avg_pool3d(
    input: Float32[Tensor, "N C D H W"],
    positions: Three,
    steps: VolumeSteps,
    divisor: VolumeDivisor,
    by_torch: Callable[[Tensor], Tensor],
) -> Float32[Tensor, "N C O P Q"]:
    """As `avg_pool2d`, of volumes: the mean of each slice, and then the mean of the slices.

    Example:
        >>> volume = torch.arange(8.0).view(1, 1, 2, 2, 2)
        >>> steps = ((2, 2, 2), (2, 2, 2), (0, 0, 0), (1, 1, 1))
        >>> avg_pool3d(volume, (1, 1, 1), steps, ((0, 0, 0, 0), True), torch.relu).item()
        3.5
    """
    forward = partial(_pooled_volumes, positions=positions, steps=steps, divisor=divisor)
    gradient = partial(_volume_gradient, steps=steps, divisor=divisor)
    return applied(Operation(forward, gradient, by_torch), input)[0]


def _pooled(input: Tensor, positions: Pair, steps: Steps, divisor: Divisor) -> tuple[Tensor, ...]:
    last, (input,) = laid_alike(input)
    core, problem = pool(input.shape, positions, steps, last)
    output = empty((*input.shape[:2], *positions), channels_last=last)
    core.avg_pool(problem, *divisor, input.data_ptr(), output.data_ptr(), torch.get_num_threads())
    return (output,)


def _gradient(gradient: Tensor, input: Tensor, *, steps: Steps, divisor: Divisor) -> Tensor:
    return _spread(gradient, input.shape, steps, divisor)


def _spread(gradient: Tensor, shape: Sequence[int], steps: Steps, divisor: Divisor) -> Tensor:
    last, (gradient,) = laid_alike(gradient)
    core, problem = pool(torch.Size(shape), (gradient.shape[2], gradient.shape[3]), steps, last)
    output = empty(shape, channels_last=last)
    core.avg_pool_gradient(problem, *divisor, gradient.data_ptr(), output.data_ptr(), torch.get_num_threads())
    return output


def _pooled_volumes(input: Tensor, positions: Three, steps: VolumeSteps, divisor: VolumeDivisor) -> tuple[Tensor, ...]:
    (o, p, q), (of_each, along) = positions, _each(divisor)
    means = _pooled(slices(input), (p, q), of_slices(steps), of_each)[0]
    stacks = stacked(means, *input.shape[1:3]).flatten(3)
    return (_pooled(stacks, (o, p * q), along_depth(steps), along)[0].unflatten(3, (p, q)),)


def _volume_gradient(gradient: Tensor, input: Tensor, *, steps: VolumeSteps, divisor: VolumeDivisor) -> Tensor:
    (n, c, d, h, w), (p, q), (of_each, along) = input.shape, gradient.shape[3:], _each(divisor)
    stacks = _spread(gradient.flatten(3), (n, c, d, p * q), along_depth(steps), along)
    images = slices(stacks.unflatten(3, (p, q)))
    size = (*images.shape[:2], h, w)
    return stacked(_spread(images, size, of_slices(steps), of_each), c, d)


def _each(divisor: VolumeDivisor) -> tuple[Divisor, Divisor]:
    """Give the divisors of a slice, and along the depth: their product is that of the volume."""
    (by, behind, below, right), padding = divisor
    return ((1 if by else 0, below, right), padding), ((by, behind, 0), padding)
