"""What every pooling has in common: an input and settings that fit, and the padding that PyTorch's own take."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from marshal import dumps
from typing import Any, Final, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from striate.errors import DtypeError, ShapeError
from striate.ops.geometry import SPATIAL, Padding, Sides, Sizes, Window

__all__ = [
    "Fitted",
    "added",
    "as_images",
    "check_numbers",
    "check_pooled",
    "even_padding",
    "fitted",
    "pool_window",
    "remembered",
    "window_starts",
]

_INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


Made = TypeVar("Made")

_FITTED: Final[dict[Any, "Fitted"]] = {}
_MOST: Final = 4096
_BYTES: Final = 2  # the last version of `marshal` whose bytes depend on nothing but what is written


@dataclass(frozen=True)
class Fitted:
    """A pooling whose settings fit its input.

    Args:
        window: Its settings, axis by axis.
        size: Of the input, along each axis.
        positions: How many along each axis.
    """

    window: Window
    size: tuple[int, ...]
    positions: tuple[int, ...]

    @cached_property
    def steps(self) -> Any:
        """The settings as the engine takes them, for images or volumes; a sequence is an image of one row.

        Example:
            >>> window = Window.of("max_pool1d", 1, kernel_size=3, stride=2, padding="same")
            >>> Fitted(window, (8,), (4,)).steps
            ((1, 3), (1, 2), (0, 0), (1, 1))
        """
        window = self.window
        before = tuple(before for before, _ in window.sides(self.size))
        return _image(window.kernel_size, 1), _image(window.stride, 1), _image(before, 0), _image(window.dilation, 1)

    @cached_property
    def after(self) -> Any:
        """Samples that are added below and on the right of an image, of a volume behind it first."""
        return _image(tuple(after for _, after in self.window.sides(self.size)), 0)

    @cached_property
    def image_positions(self) -> Any:
        """The positions, of an image or a volume."""
        return _image(self.positions, 1)


def _image(numbers: tuple[int, ...], across: int) -> tuple[int, ...]:
    return numbers if len(numbers) > 1 else (across, *numbers)


def fitted(
    caller: str,
    rank: int,
    input: Tensor,
    steps: tuple[Any, ...],
    ceil_mode: bool,
    check: Callable[[str, Fitted], None] | None = None,
) -> Fitted:
    """Check that an input and a pooling's settings fit; what has fitted before is found again by one look.

    Args:
        caller: Who asks, for the error.
        rank: How many spatial axes there are.
        input: Input, `(*N, C, *spatial)`.
        steps: What `pool_window` takes.
        ceil_mode: Whether a last, partial window counts.
        check: What else is to be checked.

    Raises:
        ShapeError: Sizes do not fit.
        OptionError: A padding has no such name, or something is no whole number.
        DtypeError: The numbers have no order.
    """

    def fit() -> Fitted:
        check_pooled(caller, rank, input)
        window, size = pool_window(caller, rank, *steps), tuple(input.shape[-rank:])
        found = Fitted(window, size, window.fitted(caller, size, ceil_mode=ceil_mode))
        if check is not None:
            check(caller, found)
        return found

    return remembered(_FITTED, (caller, rank, input.shape, input.dtype), (steps, ceil_mode), fit)


def remembered(kept: dict[Any, Made], given: tuple[Any, ...], settings: Any, make: Callable[[], Made]) -> Made:
    """Make something of settings, or find what was made of the same ones before.

    Args:
        kept: What was made.
        given: What else it depends on.
        settings: As the caller wrote them.
        make: It; what it raises is not remembered.
    """
    if torch.compiler.is_compiling() or torch._C._is_tracing():  # whose sizes are no numbers
        return make()
    try:
        # Settings by their bytes: 1, 1.0 and True are equal, but only the first is a size.
        key = (*given, dumps(settings, _BYTES))
        found = kept.get(key)
    except (TypeError, ValueError):  # sizes that are symbols, settings of a class that has no bytes
        return make()
    if found is None:
        found = make()
        if len(kept) >= _MOST:
            kept.clear()
        kept[key] = found
    return found


def as_images(rank: int, input: Tensor) -> Tensor:
    """View sequences as images of one row, and a single example as one of many; volumes are left so.

    Example:
        >>> as_images(1, torch.zeros(2, 3, 8)).shape, as_images(2, torch.zeros(3, 8, 8)).shape
        (torch.Size([2, 3, 1, 8]), torch.Size([1, 3, 8, 8]))
    """
    images = input.unsqueeze(-2) if rank == 1 else input
    return images if images.ndim == max(4, rank + 2) else images.unsqueeze(0)


def check_pooled(caller: str, rank: int, input: Tensor, *, floating: bool = False) -> None:
    """Refuse an input that has too many or too few axes, or nothing to pool, or numbers without an order.

    Args:
        caller: Who asks, for the error.
        rank: How many spatial axes there are.
        input: Input, `(*N, C, *spatial)`; only the axis of examples may be empty.
        floating: Whether whole numbers are refused too.

    Raises:
        ShapeError: The axes do not fit.
        DtypeError: The numbers do not.
    """
    axes = f"C, {SPATIAL[rank].replace(' ', ', ')}"
    if input.ndim not in (rank + 1, rank + 2):
        raise ShapeError(
            f"{caller}: input has {input.ndim} axes, and {rank + 2} are needed, or {rank + 1} for a single example.",
            f"Pass input as (N, {axes}) or ({axes}).",
            input=tuple(input.shape),
        )
    if any(n == 0 for n in input.shape[-rank - 1 :]):
        raise ShapeError(
            f"{caller}: input is empty.",
            "Pass at least one channel and one sample along each spatial axis; only the axis of examples may be empty.",
            input=tuple(input.shape),
        )
    check_numbers(caller, input, floating=floating)


def check_numbers(caller: str, input: Tensor, *, floating: bool = False) -> None:
    """Refuse numbers without an order: complex and boolean ones; with `floating` whole ones too.

    Raises:
        DtypeError: The message names the dtype.
    """
    if not (input.is_floating_point() or (input.dtype in _INTEGERS and not floating)):
        raise DtypeError(
            f"{caller}: input is of a dtype that cannot be pooled.",
            "Convert it, for example with input.float().",
            input=input.dtype,
        )


def pool_window(
    caller: str, rank: int, kernel_size: Sizes, stride: Sizes | None, padding: Padding, dilation: Sizes = 1
) -> Window:
    """Check a pooling's settings, and write them out axis by axis; without a stride, windows lie side by side.

    Raises:
        ShapeError: A number is too small, or there are more or fewer than axes, or more than half a window is padding.
        OptionError: A padding has no such name, or something is no whole number.
    """
    # PyTorch also writes "none" as an empty tuple.
    stride = kernel_size if stride is None or stride == () else stride
    window = Window.of(caller, rank, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
    sides = () if isinstance(padding, str) or window.padding == "same" else window.padding
    if any(2 * max(side) > e for side, e in zip(sides, window.extent, strict=False)):
        raise ShapeError(
            f"{caller}: padding is more than half the window.",
            f"Pad at most {', '.join(str(e // 2) for e in window.extent)}, or ask for 'full'.",
            padding=padding,
            kernel_size=window.kernel_size,
            dilation=window.dilation,
        )
    return window


def even_padding(window: Window, size: tuple[int, ...]) -> list[int] | None:
    """Give the padding as PyTorch's poolings take it, the same on both sides and at most half the taps; else None."""
    sides = window.sides(size)
    # Of images and volumes PyTorch counts the taps, not the window that dilation makes of them.
    even = all(b == a and 2 * b <= k for (b, a), k in zip(sides, window.kernel_size, strict=True))
    return [before for before, _ in sides] if even else None


def added(input: Tensor, sides: Sides, value: float) -> Tensor:
    """Add samples of one value before and after each spatial axis."""
    return F.pad(input, [n for side in reversed(sides) for n in side], value=value)


def window_starts(window: Window, size: tuple[int, ...], positions: tuple[int, ...]) -> list[range]:
    """List, for each axis, the input sample under every position's first tap; before the input it is negative."""
    rows = zip(window.sides(size), window.stride, positions, strict=True)
    return [range(-before, -before + p * s, s) for (before, _), s, p in rows]
