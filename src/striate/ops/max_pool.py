"""Max pooling: the greatest sample under a window that slides, and where it was.

The axis letters are defined in `ops/geometry.py`.
"""

from collections.abc import Callable
from math import prod
from typing import Any, Literal, cast, overload

import torch
from jaxtyping import Int, Num
from torch import Tensor
from torch.nn import functional as F

from striate.engine import max_pool as by_core
from striate.engine.images import is_worth
from striate.errors import ShapeError
from striate.ops.geometry import KERNEL, SPATIAL, Padding, Sizes, Window, named
from striate.ops.pooling import Fitted, added, as_images, even_padding, fitted, window_starts

__all__ = ["max_pool1d", "max_pool2d", "max_pool3d"]


@overload
def max_pool1d(
    input: Num[Tensor, "*N C T"],
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: Literal[False] = False,
) -> Num[Tensor, "*N C Q"]: ...
@overload
def max_pool1d(
    input: Num[Tensor, "*N C T"],
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    *,
    return_indices: Literal[True],
) -> tuple[Num[Tensor, "*N C Q"], Int[Tensor, "*N C Q"]]: ...
def max_pool1d(
    input: Num[Tensor, "*N C T"],
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Num[Tensor, "*N C Q"] | tuple[Num[Tensor, "*N C Q"], Int[Tensor, "*N C Q"]]:
    """As `max_pool2d`, over sequences.

    Source:
        Goodfellow, Bengio and Courville, "Deep Learning", MIT Press 2016, section 9.3.

    Example:
        >>> import torch
        >>> max_pool1d(torch.tensor([[1.0, 3.0, 2.0, 0.0, 5.0]]), 3, 2, return_indices=True)
        (tensor([[3., 5.]]), tensor([[1, 4]]))
    """
    return _max_pool("max_pool1d", 1, input, (kernel_size, stride, padding, dilation), ceil_mode, return_indices)


@overload
def max_pool2d(
    input: Num[Tensor, "*N C H W"],
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: Literal[False] = False,
) -> Num[Tensor, "*N C P Q"]: ...
@overload
def max_pool2d(
    input: Num[Tensor, "*N C H W"],
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    *,
    return_indices: Literal[True],
) -> tuple[Num[Tensor, "*N C P Q"], Int[Tensor, "*N C P Q"]]: ...
def max_pool2d(
    input: Num[Tensor, "*N C H W"],
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Num[Tensor, "*N C P Q"] | tuple[Num[Tensor, "*N C P Q"], Int[Tensor, "*N C P Q"]]:
    """Take the greatest sample under each window of an image.

    Padding never wins: it stands for no sample at all. NaN wins. The gradient goes to the switch: the sample that won.

    Args:
        input: Input, with or without the axis of examples.
        kernel_size: Taps along each axis.
        stride: Input samples from one window to the next; without it they lie side by side.
        padding: Input samples added on each side: a number, one for each axis, or a pair (before, after) for each, at
            most half a window; 'valid' adds none; 'same' as few as give `ceil(size / stride)` positions, the odd one
            last; 'full' as many as let every tap meet every sample.
        dilation: Input samples from one tap to the next.
        ceil_mode: Whether a last, partial window counts, if it starts inside the input or the padding before it.
        return_indices: Whether to return the switches too, for `max_unpool2d`: each is a place in the plane without
            padding, `row * W + column`.

    Returns:
        `P = (H + before + after - dilation * (R - 1) - 1) // stride + 1`, rounded up with `ceil_mode`; `Q` likewise.

    Raises:
        ShapeError: Sizes do not fit, or a window holds no sample.
        OptionError: There is no such padding.
        DtypeError: The input is complex or boolean.

    Source:
        Zhou and Chellappa, "Computation of optical flow using a neural network", IEEE ICNN 1988; Goodfellow, Bengio
        and Courville, "Deep Learning", MIT Press 2016, section 9.3; the switches, Zeiler and Fergus, "Visualizing and
        understanding convolutional networks", ECCV 2014, section 2.1.

    Example:
        >>> import torch
        >>> max_pool2d(torch.arange(16.0).view(1, 4, 4), 2)
        tensor([[[ 5.,  7.],
                 [13., 15.]]])
        >>> max_pool2d(torch.zeros(1, 96, 110, 110), 3, 2, ceil_mode=True).shape
        torch.Size([1, 96, 55, 55])
    """
    return _max_pool("max_pool2d", 2, input, (kernel_size, stride, padding, dilation), ceil_mode, return_indices)


@overload
def max_pool3d(
    input: Num[Tensor, "*N C D H W"],
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: Literal[False] = False,
) -> Num[Tensor, "*N C O P Q"]: ...
@overload
def max_pool3d(
    input: Num[Tensor, "*N C D H W"],
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    *,
    return_indices: Literal[True],
) -> tuple[Num[Tensor, "*N C O P Q"], Int[Tensor, "*N C O P Q"]]: ...
def max_pool3d(
    input: Num[Tensor, "*N C D H W"],
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Num[Tensor, "*N C O P Q"] | tuple[Num[Tensor, "*N C O P Q"], Int[Tensor, "*N C O P Q"]]:
    """As `max_pool2d`, over volumes or video.

    Source:
        Goodfellow, Bengio and Courville, "Deep Learning", MIT Press 2016, section 9.3.

    Example:
        >>> import torch
        >>> max_pool3d(torch.zeros(1, 8, 5, 6, 7), 3, 2, padding="same").shape
        torch.Size([1, 8, 3, 3, 4])
    """
    return _max_pool("max_pool3d", 3, input, (kernel_size, stride, padding, dilation), ceil_mode, return_indices)


def _max_pool(
    caller: str,
    rank: int,
    input: Tensor,
    steps: tuple[Sizes, Sizes | None, Padding, Sizes],
    ceil_mode: bool,
    return_indices: bool,
) -> Tensor | tuple[Tensor, Tensor]:
    fit = fitted(caller, rank, input, steps, ceil_mode, _check_gaps)
    if prod(fit.size) > by_core.MOST_PLACES or not is_worth(input):
        return _by_torch(input, rank, fit, ceil_mode, return_indices)

    shape = input.shape  # of the input alone: what it closes over lives as long as the graph

    def alone(images: Tensor) -> Tensor:
        output = _by_torch(images.view(shape), rank, fit, ceil_mode, return_indices=False)
        return as_images(rank, cast("Tensor", output))

    images = as_images(rank, input)
    pool = by_core.max_pool3d if rank == 3 else by_core.max_pool2d
    found = pool(images, fit.image_positions, fit.steps, alone, return_indices=return_indices)
    if images is not input:
        found = tuple(each.view(*input.shape[:-rank], *fit.positions) for each in found)
    return (found[0], found[1]) if return_indices else found[0]


def _by_torch(
    input: Tensor, rank: int, fit: Fitted, ceil_mode: bool, return_indices: bool
) -> Tensor | tuple[Tensor, Tensor]:
    window, size, positions = fit.window, fit.size, fit.positions
    both = even_padding(window, size)
    if both is not None:
        return _pooled(rank, input, window, both, ceil_mode, return_indices)
    output, switches = _uneven(rank, input, window, positions, ceil_mode)
    if torch.is_grad_enabled():
        # Taken from the input, not from its padded copy: the gradient of a window of nothing but -inf has its place
        # too. Without gradients what `Trace` follows is a window, and not a choice among all samples.
        output = input.flatten(-rank).gather(-1, switches.flatten(-rank)).unflatten(-1, positions)
    return (output, switches) if return_indices else output


def _check_gaps(caller: str, fit: Fitted) -> None:
    window, size, positions = fit.window, fit.size, fit.positions
    # Taps closer together than the input is long cannot step over it.
    if all(n >= d for n, d in zip(size, window.dilation, strict=True)):
        return
    starts = window_starts(window, size, positions)
    for n, k, d, firsts in zip(size, window.kernel_size, window.dilation, starts, strict=True):
        if not all(any(0 <= first + i * d < n for i in range(k)) for first in firsts):
            raise ShapeError(
                f"{caller}: a window holds no sample of the input, only padding.",
                "Pass a larger input, pad less, or use a smaller dilation.",
                input=named(SPATIAL[window.rank], size),
                padding=window.sides(size),
                kernel_size=named(KERNEL[window.rank], window.kernel_size),
                dilation=window.dilation,
            )


def _pooled(
    rank: int, input: Tensor, window: Window, padding: list[int], ceil_mode: bool, return_indices: bool
) -> Tensor | tuple[Tensor, Tensor]:
    kernel, stride, dilation = map(list, (window.kernel_size, window.stride, window.dilation))
    pool: Callable[..., Any] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[rank]
    modes = {"ceil_mode": ceil_mode, "return_indices": return_indices}
    if rank > 1 or input.is_floating_point():
        return pool(input, kernel, stride, padding, dilation, **modes)
    # PyTorch pools sequences of floating numbers only, but images of any.
    image = _pooled(2, input.unsqueeze(-2), _flat(window), [0, *padding], ceil_mode, return_indices)
    return image.squeeze(-2) if isinstance(image, Tensor) else (image[0].squeeze(-2), image[1].squeeze(-2))


def _flat(window: Window) -> Window:
    return Window((1, *window.kernel_size), (1, *window.stride), ((0, 0),), (1, *window.dilation))


def _uneven(
    rank: int, input: Tensor, window: Window, positions: tuple[int, ...], ceil_mode: bool
) -> tuple[Tensor, Tensor]:
    size = input.shape[-rank:]
    sides = window.sides(size)
    lowest = -float("inf") if input.is_floating_point() else torch.iinfo(input.dtype).min
    output, rest = _pooled(rank, added(input, sides, lowest), window, [0] * rank, ceil_mode, True)
    for axis, p in enumerate(positions, start=-rank):
        output, rest = output.narrow(axis, 0, p), rest.narrow(axis, 0, p)
    switches, step = torch.zeros_like(rest), 1
    for n, (before, after), d in reversed(list(zip(size, sides, window.dilation, strict=True))):
        at = rest % (n + before + after) - before
        # Padding is chosen only where it ties, and then it is the window's first tap: take the first inside the input.
        switches = switches + torch.where(at < 0, at % d, at) * step
        rest, step = rest // (n + before + after), step * n
    return output, switches
