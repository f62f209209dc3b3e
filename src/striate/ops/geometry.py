"""The letters of every axis in this package, and the arithmetic of windows that slide: the one truth about sizes.

N        examples in a batch
C, Cg    channels in; channels in, per group
K        channels out: one per kernel
T        time, for audio and video
D, H, W  depth, height, width of the input
Z, R, S  depth, height, width of the kernel
O, P, Q  depth, height, width of the output

With one spatial axis it is T of the input, S of the kernel and Q of the output; with two, H W, R S and P Q. The axes
`*tiles` count the kernels that take turns along each spatial axis, `*positions` the positions of the output.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast, overload

from striate.errors import OptionError, ShapeError

__all__ = ["KERNEL", "OUTPUT", "SPATIAL", "Padding", "Sides", "Sizes", "Window", "each", "named", "output_size"]

Sizes: TypeAlias = int | Sequence[int]
"""One number for every axis, or one each."""
Padding: TypeAlias = int | str | Sequence[int | tuple[int, int]]
"""A number for every side, one an axis, a pair (before, after) an axis; or 'valid', 'same', 'full'."""
Sides: TypeAlias = tuple[tuple[int, int], ...]
"""Samples added before and after, for every axis."""

# The letters, by the number of spatial axes.
SPATIAL = {1: "T", 2: "H W", 3: "D H W"}
KERNEL = {1: "S", 2: "R S", 3: "Z R S"}
OUTPUT = {1: "Q", 2: "P Q", 3: "O P Q"}


def named(axes: str, shape: Sequence[int]) -> str:
    """Write a shape with its letters, for error messages.

    >>> named("N C H W", (8, 4, 32, 32))
    '(N=8, C=4, H=32, W=32)'
    """
    return "(" + ", ".join(f"{a}={n}" for a, n in zip(axes.split(), shape, strict=True)) + ")"


def each(caller: str, name: str, sizes: Sizes, rank: int, *, least: int = 1) -> tuple[int, ...]:
    """Give one size per spatial axis.

    Args:
        caller: Who asks, for the error.
        name: What the sizes are, for the error.
        sizes: One number for all axes, or one each; a sequence of one number stands for all.
        rank: How many axes there are.
        least: The smallest size that makes sense.

    Raises:
        ShapeError: There are more or fewer numbers than axes, or one is too small.
        OptionError: Something is no whole number.

    Example:
        >>> each("conv2d", "stride", 2, 2), each("conv2d", "stride", [1, 2], 2)
        ((2, 2), (1, 2))
    """
    listed = tuple(sizes) if isinstance(sizes, Sequence) else (sizes,)
    if any(isinstance(n, bool) or not hasattr(n, "__index__") for n in listed):
        raise OptionError(
            f"{caller}: {name} is not made of whole numbers.",
            f"Give {name} as a whole number, or as {rank} of them, one for each spatial axis.",
            **{name: repr(sizes)},
        )
    listed = listed * rank if len(listed) == 1 else listed
    if len(listed) != rank:
        raise ShapeError(
            f"{caller}: {name} has {len(listed)} numbers for {rank} spatial axes.",
            f"Give one number, or {rank}.",
            **{name: tuple(listed)},
        )
    if any(n < least for n in listed):
        raise ShapeError(
            f"{caller}: {name} is less than {least}.",
            f"Give {least} or more.",
            **{name: listed[0] if rank == 1 else tuple(listed)},
        )
    return tuple(listed)


@dataclass(frozen=True)
class Window:
    """A kernel that slides: how large it is, how it steps, and what is added around the input.

    Args:
        kernel_size: Taps along each axis.
        stride: Input samples from one position to the next.
        padding: Input samples added before and after, or "same", which depends on the input's size.
        dilation: Input samples from one tap to the next.

    Example:
        >>> window = Window.of("conv2d", 2, kernel_size=3, stride=2, padding="same")
        >>> window.positions((8, 5)), window.sides((8, 5))
        ((4, 3), ((0, 1), (1, 1)))
    """

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Sides | Literal["same"]
    dilation: tuple[int, ...]

    @classmethod
    def of(
        cls,
        caller: str,
        rank: int,
        *,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Padding = 0,
        dilation: Sizes = 1,
    ) -> "Window":
        """Check the settings that a caller gives, and write them out axis by axis.

        Raises:
            ShapeError: A number is too small, or there are more or fewer than axes.
            OptionError: A padding has no such name, or something is no whole number.
        """
        kernel = each(caller, "kernel_size", kernel_size, rank)
        step = each(caller, "dilation", dilation, rank)
        reach = tuple(d * (k - 1) for k, d in zip(kernel, step, strict=True))
        return cls(kernel, each(caller, "stride", stride, rank), _sides(caller, padding, reach), step)

    @property
    def rank(self) -> int:
        """How many axes there are."""
        return len(self.kernel_size)

    @property
    def extent(self) -> tuple[int, ...]:
        """Input samples from the first tap to the last, both counted."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel_size, self.dilation, strict=True))

    def sides(self, size: Sequence[int]) -> Sides:
        """Give the samples that are added before and after an input of this size.

        'same' is TensorFlow's rule: as few as give `ceil(size / stride)` positions, the odd one last.
        """
        if self.padding != "same":
            return self.padding
        total = [max(0, (-(-n // s) - 1) * s + e - n) for n, s, e in zip(size, self.stride, self.extent, strict=True)]
        return tuple((t // 2, t - t // 2) for t in total)

    def positions(self, size: Sequence[int], *, ceil_mode: bool = False) -> tuple[int, ...]:
        """Count the positions along each axis of an input of this size; not positive where none fits.

        With `ceil_mode` a last, partial window counts too, if it starts inside the input or the padding before it.
        """
        counts: list[int] = []
        for n, (before, after), s, e in zip(size, self.sides(size), self.stride, self.extent, strict=True):
            free = n + before + after - e
            count = (-(-free // s) if ceil_mode else free // s) + 1
            counts.append(count - 1 if ceil_mode and (count - 1) * s >= n + before else count)
        return tuple(counts)

    def origins(self, positions: Sequence[int], output_padding: Sequence[int] | None = None) -> tuple[int, ...]:
        """Give the smallest input that has so many positions: the output of a transposed convolution.

        `output_padding` samples are added at the end. 'same' gives the largest such input, `positions * stride`.
        """
        extra = output_padding or (0,) * self.rank
        if self.padding == "same":
            return tuple(p * s for p, s in zip(positions, self.stride, strict=True))
        return tuple(
            (p - 1) * s + e - before - after + o
            for p, s, e, (before, after), o in zip(
                positions, self.stride, self.extent, self.padding, extra, strict=True
            )
        )

    def fitted(self, caller: str, size: Sequence[int], *, ceil_mode: bool = False) -> tuple[int, ...]:
        """Count the positions along each axis, of which there must be at least one.

        Raises:
            ShapeError: The window is larger than the padded input.
        """
        counts = self.positions(size, ceil_mode=ceil_mode)
        if any(count < 1 for count in counts):
            raise ShapeError(
                f"{caller}: the window is larger than the padded input.",
                "Pass a larger input, pad more, or use a smaller kernel or dilation.",
                input=named(SPATIAL[self.rank], size),
                padding=self.sides(size),
                window=named(KERNEL[self.rank], self.extent),
                kernel_size=self.kernel_size,
                dilation=self.dilation,
            )
        return counts


_NAMED_PADDING = ("valid", "same", "full")


def _sides(caller: str, padding: Padding, reach: tuple[int, ...]) -> Sides | Literal["same"]:
    rank = len(reach)
    if isinstance(padding, str):
        if padding not in _NAMED_PADDING:
            raise OptionError(
                f"{caller}: no padding is called {padding!r}.",
                f"Choose one of {', '.join(map(repr, _NAMED_PADDING))}, or give numbers.",
            )
        return "same" if padding == "same" else tuple((r, r) if padding == "full" else (0, 0) for r in reach)
    listed = tuple(padding) if isinstance(padding, Sequence) else (padding,)
    pairs = [(n, n) if not isinstance(n, Sequence) else tuple(n) for n in listed]
    pairs = pairs * rank if len(pairs) == 1 and not isinstance(listed[0], Sequence) else pairs
    if len(pairs) != rank or any(len(pair) != 2 for pair in pairs):
        raise ShapeError(
            f"{caller}: padding is neither one number, nor {rank}, nor {rank} pairs.",
            f"Give a number or a pair (before, after) for each of the {rank} spatial axes.",
            padding=padding,
        )
    for pair in pairs:
        each(caller, "padding", pair, 2, least=0)
    return cast("Sides", tuple(pairs))


@overload
def output_size(
    size: int,
    kernel_size: Sizes,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    *,
    ceil_mode: bool = False,
    transposed: bool = False,
    output_padding: Sizes = 0,
) -> int: ...
@overload
def output_size(
    size: Sequence[int],
    kernel_size: Sizes,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    *,
    ceil_mode: bool = False,
    transposed: bool = False,
    output_padding: Sizes = 0,
) -> tuple[int, ...]: ...
def output_size(
    size: int | Sequence[int],
    kernel_size: Sizes,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    *,
    ceil_mode: bool = False,
    transposed: bool = False,
    output_padding: Sizes = 0,
) -> int | tuple[int, ...]:
    """Count the positions of a window that slides over an input: the size of what a convolution or pooling makes.

    Args:
        size: Input samples: a number for one axis, or one number for each spatial axis.
        kernel_size: Taps along each axis.
        stride: Input samples from one position to the next; a pooling's is its kernel size unless it says otherwise.
        padding: Input samples added on each side: a number, one for each axis, or a pair (before, after) for each;
            'valid' adds none, 'same' as few as give `ceil(size / stride)` (the odd one last), and 'full' as many as
            let every tap meet every sample, `dilation * (kernel_size - 1)`.
        dilation: Input samples from one tap to the next.
        ceil_mode: Whether a last, partial window counts, as in pooling.
        transposed: Whether to go back: from the positions of a convolution to its input.
        output_padding: Samples to add to the end of a transposed convolution's output.

    Returns:
        `(size + before + after - dilation * (kernel_size - 1) - 1) // stride + 1` along each axis; transposed, the
        smallest size that gives so many positions (with 'same' the largest). A number for a number, else a tuple.

    Raises:
        ShapeError: No window fits, or a number is too small, or there are more or fewer than axes.
        OptionError: A padding has no such name, or something is no whole number.

    Source:
        Goodfellow, Bengio and Courville, "Deep Learning", MIT Press 2016, section 9.5; for transposed windows, Dumoulin
        and Visin, "A guide to convolution arithmetic for deep learning", arXiv 1603.07285, section 4.

    Example:
        >>> output_size(5, 3, stride=2)  # floor((5 - 3) / 2 + 1)
        2
        >>> output_size((5, 5), 3, stride=2)
        (2, 2)
        >>> output_size(4, 2, stride=2)  # 2x2 pooling halves a 4x4 image
        2
        >>> output_size(32, 5, padding=(5 - 1) // 2), output_size(32, 5, padding="same")  # p = (f - 1) / 2
        (32, 32)
        >>> output_size(6, 3, padding=2)  # (n + 2p) - f + 1
        8
        >>> output_size(6, 3, padding="full"), output_size(7, 3, stride=2, padding="same")
        (8, 4)
        >>> output_size((4, 4), 3, stride=2, transposed=True)
        (9, 9)
    """
    caller, single = "output_size", not isinstance(size, Sequence)
    sizes = cast("tuple[int, ...]", (size,) if single else tuple(cast("Sequence[int]", size)))
    each(caller, "size", sizes, len(sizes))
    window = Window.of(caller, len(sizes), kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
    if transposed:
        counts = window.origins(sizes, each(caller, "output_padding", output_padding, len(sizes), least=0))
        each(caller, "output", counts, len(sizes))
    else:
        counts = window.fitted(caller, sizes, ceil_mode=ceil_mode)
    return counts[0] if single else counts
