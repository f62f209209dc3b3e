"""Max pooling and unpooling of images and volumes by the core, in the layout in which they lie."""

from collections.abc import Callable
from functools import partial
from math import prod

import torch
from jaxtyping import Float32, Int64, Num
from torch import Tensor

from striate.engine.images import Pair, Steps, Three, VolumeSteps, empty, laid_alike, of_slices, pool
from striate.engine.operation import Operation, applied

__all__ = ["MOST_PLACES", "max_pool2d", "max_pool3d", "max_unpool2d"]

MOST_PLACES = 1 << 30  # of a plane or a volume: the core counts them in 32 bits


_NO_STEPS: Steps = ((1, 1), (1, 1), (0, 0), (1, 1))  # indices have been where they led


def max_pool2d(
    input: Float32[Tensor, "N C H W"],
    positions: Pair,
    steps: Steps,
    by_torch: Callable[[Tensor], Tensor],
    *,
    return_indices: bool = False,
) -> tuple[Num[Tensor, "N C P Q"], ...]:
    """Take the greatest sample under each window; of equals the first, NaN before all.

    Args:
        input: Images that `is_worth` holds for.
        positions: Down and across.
        steps: Of the window; whatever lies outside of the input is no sample.
        by_torch: The same by PyTorch, for second derivatives.
        return_indices: Whether to return the switches too; they are found for the gradient anyway.

    Example:
        >>> image = torch.arange(16.0).view(1, 1, 4, 4)
        >>> max_pool2d(image, (2, 2), ((2, 2), (2, 2), (0, 0), (1, 1)), torch.relu, return_indices=True)
        (tensor([[[[ 5.,  7.],
                  [13., 15.]]]]), tensor([[[[ 5,  7],
                  [13, 15]]]]))
    """
    if not (input.requires_grad and torch.is_grad_enabled()):
        return _pooled(input, positions, steps, return_indices)
    forward = partial(_pooled, positions=positions, steps=steps, switches=True)
    found = applied(Operation(forward, _gradient, by_torch), input)
    return found if return_indices else found[:1]


def max_pool3d(
    input: Float32[Tensor, "N C D H W"],
    positions: Three,
    steps: VolumeSteps,
    by_torch: Callable[[Tensor], Tensor],
    *,
    return_indices: bool = False,
) -> tuple[Num[Tensor, "N C O P Q"], ...]:
    """As `max_pool2d`, of volumes: a window has rows in several slices.

    Example:
        >>> volume = torch.arange(16.0).view(1, 1, 4, 2, 2)
        >>> steps = ((2, 2, 2), (2, 2, 2), (0, 0, 0), (1, 1, 1))
        >>> found = max_pool3d(volume, (2, 1, 1), steps, torch.relu, return_indices=True)
        >>> [each.flatten().tolist() for each in found]
        [[7.0, 15.0], [7, 15]]
    """
    recorded = input.requires_grad and torch.is_grad_enabled()
    forward = partial(_pooled_volumes, positions=positions, steps=steps, switches=recorded or return_indices)
    found = applied(Operation(forward, _volume_gradient, by_torch), input)
    return found if return_indices else found[:1]


def max_unpool2d(
    input: Float32[Tensor, "N C P Q"],
    indices: Int64[Tensor, "N C P Q"],
    size: Pair,
    by_torch: Callable[[Tensor, Tensor], Tensor],
    *,
    last: bool = False,
) -> Float32[Tensor, "N C H W"]:
    """Put every sample where its index says, into images of zeros.

    Args:
        input: Images that `is_worth` holds for.
        indices: Places, `row * W + column`.
        size: Of the result, down and across.
        by_torch: The same by PyTorch, of input and indices, for gradients.
        last: Whether a place that several samples name keeps the last of them, and not the sum.

    Raises:
        IndexError: An index names no place within.

    Example:
        >>> max_unpool2d(torch.ones(1, 1, 1, 2), torch.tensor([[[[3, 3]]]]), (2, 2), torch.add)
        tensor([[[[0., 0.],
                  [0., 2.]]]])
    """
    gradient = partial(_picked, by_torch=by_torch if last else None)
    operation = Operation(lambda x, places: (_unpooled(x, places, size, last=last),), gradient, by_torch)
    return applied(operation, input, indices)[0]


def _pooled(input: Tensor, positions: Pair, steps: Steps, switches: bool) -> tuple[Tensor, ...]:
    last, (input,) = laid_alike(input)
    core, problem = pool(input.shape, positions, steps, last)
    shape = (*input.shape[:2], *positions)
    output = empty(shape, channels_last=last)
    places = empty(shape, channels_last=last, dtype=torch.int64) if switches else None
    at = 0 if places is None else places.data_ptr()
    core.max_pool(problem, input.data_ptr(), output.data_ptr(), at, torch.get_num_threads())
    return (output,) if places is None else (output, places)


def _pooled_volumes(input: Tensor, positions: Three, steps: VolumeSteps, switches: bool) -> tuple[Tensor, ...]:
    n, c, d, h, w = input.shape
    o, p, q = positions
    last, (rows,) = laid_alike(input.flatten(3))  # as images: of a slice, a row
    along = tuple(each[0] for each in steps)
    core, problem = pool((n, c, h, w), (p, q), of_slices(steps), last, (d, o, *along))
    output = empty((n, c, o, p * q), channels_last=last)
    places = empty(output.shape, channels_last=last, dtype=torch.int64) if switches else None
    at = 0 if places is None else places.data_ptr()
    core.max_pool(problem, rows.data_ptr(), output.data_ptr(), at, torch.get_num_threads())
    return tuple(each.unflatten(3, (p, q)) for each in (output, places) if each is not None)


def _volume_gradient(gradient: Tensor, input: Tensor, switches: Tensor) -> Tensor:
    d, *slice_ = input.shape[2:]
    size = d, prod(slice_)
    return _unpooled(gradient.flatten(3), switches.flatten(3), size, last=False).unflatten(3, slice_)


def _gradient(gradient: Tensor, input: Tensor, switches: Tensor) -> Tensor:
    return _unpooled(gradient, switches, (input.shape[2], input.shape[3]), last=False)


def _picked(
    gradient: Tensor, input: Tensor, indices: Tensor, *, by_torch: Callable[[Tensor, Tensor], Tensor] | None
) -> Tensor:
    if by_torch is None:
        last, (places, arriving) = laid_alike(indices, gradient)
        output = empty(places.shape, channels_last=last)
        core, problem = pool(arriving.shape, tuple(places.shape[2:]), _NO_STEPS, last)
        addresses = arriving.data_ptr(), places.data_ptr(), output.data_ptr()
        core.pick(problem, *addresses, torch.get_num_threads())
        return output
    with torch.enable_grad():
        source = input.detach().requires_grad_()
        return torch.autograd.grad(by_torch(source, indices), source, gradient)[0]


def _unpooled(input: Tensor, indices: Tensor, size: Pair, *, last: bool) -> Tensor:
    channels_last, (indices, input) = laid_alike(indices, input)
    output = empty((*input.shape[:2], *size), channels_last=channels_last)
    core, problem = pool(output.shape, (input.shape[2], input.shape[3]), _NO_STEPS, channels_last)
    addresses = input.data_ptr(), indices.data_ptr(), output.data_ptr()
    if not core.unpool(problem, *addresses, last, torch.get_num_threads()):
        raise IndexError("max_unpool2d: an index names no place within the result.")
    return output
