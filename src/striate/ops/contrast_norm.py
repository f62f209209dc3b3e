"""Local contrast normalisation: every sample as seen against its surroundings."""

from collections.abc import Sequence
from functools import partial
from math import exp
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from striate.engine import contrast_norm as by_core
from striate.engine.images import is_worth
from striate.errors import DtypeError, OptionError, ShapeError
from striate.ops.geometry import Sizes, each

__all__ = ["check_contrast_norm", "gaussian", "local_contrast_norm"]


def local_contrast_norm(
    input: Float[Tensor, "N C *spatial"],
    kernel_size: Sizes = 9,
    *,
    sigma: float | Sequence[float] | None = None,
    across: bool = True,
    subtractive: bool = True,
    divisive: bool = True,
    threshold: float | Literal["mean"] = "mean",
) -> Float[Tensor, "N C *spatial"]:
    """Subtract the mean of each sample's surroundings, then divide by their standard deviation where it is large.

        v[n, c, p] = input[n, c, p] - Σ_{i, d} w[d] · input[n, i, p + d]
        σ[n, p]    = (Σ_{i, d} w[d] · v[n, i, p + d]²) ** 0.5
        out        = v / max(threshold, σ)

    The window `w` is a Gaussian over positions, the same for all `C` maps `i`; over maps and positions it sums to 1. At
    the border it is cut off, and what is left of it sums to 1 again: padding with zeros would take the border for an
    edge. The window is run as one pass along each axis.

    Where σ and the threshold are both 0 so is the output, with a gradient of 0: a flat example, or one of zeros,
    becomes zeros. Contrast that is no more than the rounding error of the subtraction counts as none.

    Args:
        input: Maps with one, two or three spatial axes. The first axis is always that of the examples.
        kernel_size: Width of the window in input samples, odd: for all axes, or for each. It may exceed the input.
        sigma: Standard deviation of the Gaussian in input samples: for all axes, or for each. Unless given, a quarter
            of the width. The paper gives none; this is the default of Torch7's `image.gaussian`, with which its
            authors' library made such windows.
        across: Whether the maps are normalised together, as in the paper, or each by itself (`i` is `c` alone).
        subtractive: Whether to subtract; else `v` is the input.
        divisive: Whether to divide; else `v` is the output.
        threshold: The least divisor: a positive number, or 'mean', which is the mean of σ over the positions of the
            example (of each of its maps if they are not normalised together).

    Returns:
        As large as the input. Half precision is computed in float32.

    Raises:
        ShapeError: `kernel_size` is even or less than 1, or the input has no spatial axis or more than three.
        OptionError: `sigma` or `threshold` are not positive; or neither of the two steps is wanted.
        DtypeError: The input is not made of floating-point numbers.

    Source:
        Jarrett, Kavukcuoglu, Ranzato and LeCun, "What is the best multi-stage architecture for object recognition?",
        ICCV 2009, section 2.2.

    Example:
        >>> edge = torch.tensor([[[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]]])
        >>> local_contrast_norm(edge, 3, divisive=False)  # flat on both sides, seen at the step
        tensor([[[ 0.0000,  0.0000, -0.2256,  0.2256,  0.0000,  0.0000]]])
        >>> local_contrast_norm(torch.full((1, 3, 8, 8), 0.3)).count_nonzero()
        tensor(0)
    """
    caller, rank = "local_contrast_norm", input.ndim - 2
    _check_input(caller, input)
    windows = check_contrast_norm(caller, kernel_size, sigma, subtractive, divisive, threshold, rank=rank)
    by_torch = partial(_by_torch, windows=windows, across=across, steps=(subtractive, divisive), threshold=threshold)
    if not is_worth(input):
        return by_torch(input)
    # Denormal numbers are zero in the core, which means the mean there.
    least = 0.0 if threshold == "mean" else max(float(threshold), torch.finfo(torch.float32).tiny)
    deep, down, right = [[1.0]] * (3 - rank) + windows
    slices = input.shape[2] if rank == 3 else 1
    contrast = by_core.Contrast(deep, down, right, slices, across, subtractive, divisive, least)
    shape = input.shape  # of the input alone: what it closes over lives as long as the graph
    images = input if rank == 2 else input.reshape(*shape[:2], -1, shape[-1])
    found = by_core.contrast_norm(images, contrast, lambda x: by_torch(x.view(shape)).view(x.shape))
    return found if rank == 2 else found.view(shape)


def gaussian(size: int, sigma: float | None = None) -> list[float]:
    """Give the weights of a Gaussian window, which sum to 1.

    Args:
        size: How many weights, centred on the middle one.
        sigma: Standard deviation in samples; unless given, a quarter of the size.

    Source:
        The default is that of Torch7's `image.gaussian`.

    Example:
        >>> [round(w, 3) for w in gaussian(5, 1.0)]
        [0.054, 0.244, 0.403, 0.244, 0.054]
    """
    powers = [-(((i - (size - 1) / 2) / (sigma or size / 4)) ** 2) / 2 for i in range(size)]
    # The largest is taken out of all, so that the sum they are divided by cannot underflow.
    weights = [exp(power - max(powers)) for power in powers]
    return [weight / sum(weights) for weight in weights]


def check_contrast_norm(
    caller: str,
    kernel_size: Sizes,
    sigma: float | Sequence[float] | None,
    subtractive: bool,
    divisive: bool,
    threshold: float | str,
    *,
    rank: int | None = None,
) -> list[list[float]]:
    """Give the window of every axis; refuse settings that make no sense.

    Args:
        caller: Who asks, for the error.
        kernel_size: As in `local_contrast_norm`, and so are the next four.
        sigma: See there.
        subtractive: See there.
        divisive: See there.
        threshold: See there.
        rank: How many spatial axes there are, if that is known.

    Raises:
        ShapeError: `kernel_size` is even or less than 1.
        OptionError: `sigma` or `threshold` are not positive; or neither of the two steps is wanted.
    """
    listed = tuple(sigma) if isinstance(sigma, Sequence) else (sigma,)
    rank = rank or max(len(kernel_size) if isinstance(kernel_size, Sequence) else 1, len(listed))
    widths = each(caller, "kernel_size", kernel_size, rank)
    listed = listed * rank if len(listed) == 1 else listed
    if any(n % 2 == 0 for n in widths):
        raise ShapeError(f"{caller}: kernel_size is even.", "Give an odd one, which has a middle.", kernel_size=widths)
    if len(listed) != rank or any(s is not None and not s > 0 for s in listed):
        raise OptionError(
            f"{caller}: sigma is not made of positive numbers, one or {rank}.",
            "Give it in input samples, or leave it out for a quarter of kernel_size.",
            sigma=sigma,
        )
    if threshold != "mean" and (isinstance(threshold, str) or not threshold > 0):
        raise OptionError(
            f"{caller}: threshold is neither 'mean' nor a positive number.",
            "Without a least divisor the noise of flat regions would be blown up without limit.",
            threshold=repr(threshold),
        )
    if not subtractive and not divisive:
        raise OptionError(f"{caller}: neither subtractive nor divisive.", "Choose one, or leave the call out.")
    return [gaussian(n, s) for n, s in zip(widths, listed, strict=True)]


def _check_input(caller: str, input: Tensor) -> None:
    if input.ndim not in (3, 4, 5):
        raise ShapeError(
            f"{caller}: input has {input.ndim} axes, and 3, 4 or 5 are needed.",
            "Pass input as (N, C, T), (N, C, H, W) or (N, C, D, H, W).",
            input=tuple(input.shape),
        )
    if not input.is_floating_point():
        raise DtypeError(
            f"{caller}: input is not made of floating-point numbers.",
            "Convert it, for example with input.float().",
            input=input.dtype,
        )


def _by_torch(
    input: Tensor, *, windows: list[list[float]], across: bool, steps: tuple[bool, bool], threshold: float | str
) -> Tensor:
    subtractive, divisive = steps
    wide = input.float() if input.dtype in (torch.float16, torch.bfloat16) else input
    surround = _surround(wide, windows, across) if subtractive else None
    output = wide if surround is None else wide - surround
    if divisive:
        power = _surround(output * output, windows, across)
        output = _divided(output, _deviation(power, _least(power, surround, windows)), threshold)
    return output.to(input.dtype)


def _surround(input: Tensor, windows: list[list[float]], across: bool) -> Tensor:
    """Average over the window, cut off at the border, and over the maps if `across`."""
    total = input.mean(1, keepdim=True) if across else input
    for axis, weights in enumerate(windows, start=2):
        covered = _slid(input.new_ones(input.shape[axis]), 0, weights)
        total = _slid(total, axis, weights) / covered.reshape(-1, *[1] * (input.ndim - 1 - axis))
    return total


def _slid(input: Tensor, axis: int, weights: list[float]) -> Tensor:
    """Slide a window along one axis, zeros beyond the border.

    Shifted additions: on single maps they are several times as fast as a convolution, and autocast leaves them alone.
    """
    size, reach = input.shape[axis], len(weights) // 2
    padded = F.pad(input, (0, 0) * (input.ndim - 1 - axis) + (reach, reach))
    total = padded.narrow(axis, 0, size) * weights[0]
    for shift, weight in enumerate(weights[1:], start=1):
        total = total.add_(padded.narrow(axis, shift, size), alpha=weight)
    return total


def _least(power: Tensor, surround: Tensor | None, windows: list[list[float]]) -> Tensor | float:
    """Say how small a power is none at all: rounding error, or so small that its derivatives would overflow."""
    limits = torch.finfo(power.dtype)
    if surround is None:
        return limits.tiny**0.5
    # One rounding for every addition and division on the way to the surround, which the subtraction lays bare.
    roundings = 8 + sum(map(len, windows))
    return (surround.detach() * (limits.eps * roundings)).square().clamp(min=limits.tiny**0.5)


def _deviation(power: Tensor, least: Tensor | float) -> Tensor:
    """Take the square root; 0, with all its derivatives, up to `least`."""
    seen = power > least
    return torch.where(seen, torch.where(seen, power, 1.0).sqrt(), 0.0)


def _divided(input: Tensor, deviation: Tensor, threshold: float | str) -> Tensor:
    if threshold == "mean":
        divisor = torch.maximum(deviation, deviation.mean(tuple(range(2, deviation.ndim)), keepdim=True))
    else:
        divisor = deviation.clamp(min=float(threshold))
    seen = divisor > 0
    return torch.where(seen, input / torch.where(seen, divisor, 1.0), 0.0)
