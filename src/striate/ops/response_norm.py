"""Local response normalisation: strong answers quieten those of neighbouring maps at the same place."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from jaxtyping import Real
from torch import Tensor
from torch.nn import functional as F

from striate.engine import response_norm as by_core
from striate.engine.images import is_worth
from striate.errors import OptionError, ShapeError
from striate.ops.geometry import each

__all__ = ["SCALES", "check_response_norm", "local_response_norm"]

# Of PyTorch's there are several calls, so ours is worth it sooner than of a pooling.
LEAST_FOR_POWERS = 1

# What alpha is divided by, from the number of maps in the window.
SCALES: dict[str, Callable[[int], int]] = {"mean": lambda size: size, "sum": lambda size: 1}


def local_response_norm(
    input: Real[Tensor, "N C *spatial"],
    size: int,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 1.0,
    *,
    scale: Literal["mean", "sum"] = "mean",
) -> Real[Tensor, "N C *spatial"]:
    """Divide every sample by the strength of the maps around its own, at the same position.

        out[n, c, ...] = input[n, c, ...] / (k + a · Σ_j input[n, j, ...]²) ** beta

    where `j` runs from `c - size // 2` to `c + (size - 1) // 2`, as far as there are maps. `a` is `alpha / size`, as in
    PyTorch and Caffe, or `alpha` itself with `scale="sum"`, as in the paper. AlexNet's constants are
    `local_response_norm(input, 5, 1e-4, 0.75, 2.0, scale="sum")`.

    Args:
        input: Maps with any number of spatial axes, at least one. The first axis is always that of the examples.
        size: Maps in the window; an even number reaches one further down than up.
        alpha: Weight of the squares.
        beta: Exponent.
        k: What the weighted squares are added to.
        scale: 'mean' divides alpha by `size`, 'sum' does not.

    Returns:
        As large as the input. Half precision is summed in float32. Integers are averaged as integers, and give floating
        point, as in PyTorch.

    Raises:
        ShapeError: `size` is less than 1, or the input has no spatial axis.
        OptionError: There is no such scale, or `size` is no whole number.

    Source:
        Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", NIPS 2012,
        section 3.3.

    Example:
        >>> local_response_norm(torch.ones(1, 3, 1), 3, alpha=1.0, beta=1.0, scale="sum").flatten()
        tensor([0.3333, 0.2500, 0.3333])
    """
    caller = "local_response_norm"
    check_response_norm(caller, size, scale)
    if input.ndim < 3:
        raise ShapeError(
            f"{caller}: input has {input.ndim} axes, and 3 or more are needed.",
            "Pass input as (N, C, T), (N, C, H, W) or (N, C, D, H, W).",
            input=tuple(input.shape),
        )
    if input.numel() == 0:
        return input.clone()  # whatever its kind of numbers, as in PyTorch
    by_torch = partial(_by_torch, size=size, numbers=(alpha, beta, k), scale=scale)
    tensors = any(map(torch.is_tensor, (alpha, beta, k)))  # which may want a gradient
    if tensors or not is_worth(input, LEAST_FOR_POWERS):
        return by_torch(input)
    share = alpha / SCALES[scale](size)
    return by_core.response_norm(input, (size // 2, (size - 1) // 2), (share, beta, k), by_torch)


def check_response_norm(caller: str, size: int, scale: str) -> None:
    """Refuse a window without maps, and a scale that does not exist.

    Raises:
        ShapeError: `size` is less than 1.
        OptionError: The message lists the scales; or `size` is no whole number.
    """
    each(caller, "size", size, 1)
    if scale not in SCALES:
        raise OptionError(f"{caller}: no scale is called {scale!r}.", f"Choose one of {', '.join(map(repr, SCALES))}.")


def _by_torch(input: Tensor, *, size: int, numbers: tuple[float, float, float], scale: str) -> Tensor:
    alpha, beta, k = numbers
    wide = input.float() if input.dtype in (torch.float16, torch.bfloat16) else input
    squares, share = _across(wide * wide, size), alpha / SCALES[scale](size)
    if not input.is_floating_point() and scale == "mean":
        squares, share = torch.div(squares, size, rounding_mode="trunc"), alpha
    output = wide / squares.mul(share).add(k).pow(beta)
    return output.to(input.dtype) if input.is_floating_point() else output


def _across(squares: Tensor, size: int) -> Tensor:
    """Sum over a window of maps. Few shifted additions are three times as fast as a pooling over the maps."""
    channels = squares.shape[1]
    # Maps beyond the last are zeros: a window need not reach further than there are maps.
    before, after = (min(reach, channels) for reach in (size // 2, (size - 1) // 2))
    padded = F.pad(squares, (0, 0) * (squares.ndim - 2) + (before, after))
    total = padded.narrow(1, 0, channels).clone()
    for shift in range(1, before + after + 1):
        total = total.add_(padded.narrow(1, shift, channels))
    return total
