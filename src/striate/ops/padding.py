"""What lies beyond the border of an input: zeros, a reflection, a repetition of the edge, or the other side."""

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import torch
from jaxtyping import Num
from torch import Tensor
from torch.nn import functional as F

from striate.errors import OptionError, ShapeError
from striate.ops.geometry import SPATIAL, Sides, named

__all__ = ["PADDING_MODES", "PaddingMode", "check_mode", "pad", "pad_adjoint"]

PaddingMode: TypeAlias = Literal["zeros", "reflect", "replicate", "circular"]

# Which sample lies at position `i` (a tensor) of an axis of `n` samples, and how many can be added on one side.
PADDING_MODES: dict[str, tuple[Callable[[Tensor, int], Tensor], Callable[[int], int]] | None] = {
    "zeros": None,
    "reflect": (lambda i, n: n - 1 - (n - 1 - i.abs()).abs(), lambda n: n - 1),
    "replicate": (lambda i, n: i.clamp(0, n - 1), lambda n: 2**62),
    "circular": (lambda i, n: i.remainder(n), lambda n: n),
}


def check_mode(caller: str, padding_mode: str) -> None:
    """Refuse a padding mode that does not exist.

    Raises:
        OptionError: The message lists those that do.
    """
    if padding_mode not in PADDING_MODES:
        raise OptionError(
            f"{caller}: no padding mode is called {padding_mode!r}.",
            f"Choose one of {', '.join(map(repr, PADDING_MODES))}.",
        )


def pad(caller: str, input: Num[Tensor, "..."], sides: Sides, padding_mode: str) -> Num[Tensor, "..."]:
    """Add samples before and after each spatial axis.

    Args:
        caller: Who asks, for the error.
        input: Input, `(*N, C, *spatial)`; its last axes are those of `sides`.
        sides: Samples to add before and after, for every spatial axis.
        padding_mode: What the samples are.

    Raises:
        ShapeError: The input is too small to reflect, or to go round.

    Example:
        >>> import torch
        >>> pad("example", torch.arange(4.0)[None], ((1, 2),), "reflect")
        tensor([[1., 0., 1., 2., 3., 2., 1.]])
    """
    if all(side == (0, 0) for side in sides):
        return input
    flat = [n for side in reversed(sides) for n in side]
    row = PADDING_MODES[padding_mode]
    if row is None:
        return F.pad(input, flat)
    size, most = input.shape[-len(sides) :], row[1]
    if any(max(side) > most(n) for n, side in zip(size, sides, strict=True)):
        raise ShapeError(
            f"{caller}: the input is too small for this padding.",
            f"With padding_mode={padding_mode!r} pad at most {'size' if most(1) else 'size - 1'} on each side.",
            input=named(SPATIAL[len(sides)], size),
            padding=sides,
        )
    return F.pad(input, flat, mode=padding_mode)


def pad_adjoint(
    gradient: Num[Tensor, "..."], size: Sequence[int], sides: Sides, padding_mode: str
) -> Num[Tensor, "..."]:
    """Take the gradient of a padded input back to the input: each added sample's goes to where it was taken from.

    Args:
        gradient: Gradient of what `pad` gave.
        size: Spatial sizes of what `pad` was given.
        sides: As in `pad`.
        padding_mode: As in `pad`.

    Example:
        >>> import torch
        >>> pad_adjoint(torch.ones(1, 7), (4,), ((1, 2),), "reflect")
        tensor([[1., 3., 2., 1.]])
    """
    row = PADDING_MODES[padding_mode]
    for axis, (n, (before, after)) in enumerate(zip(size, sides, strict=True), start=gradient.ndim - len(sides)):
        if row is None:
            gradient = gradient.narrow(axis, before, n)
        elif before or after:
            source = row[0](torch.arange(-before, n + after, device=gradient.device), n)
            shape = [*gradient.shape[:axis], n, *gradient.shape[axis + 1 :]]
            gradient = gradient.new_zeros(shape).index_add(axis, source, gradient)
    return gradient
