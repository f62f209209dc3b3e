"""What operations that treat their last dimensions one by one make of an image's axes: windows, padding, resampling.

Each is a step: it takes the operation's arguments by name, an axis, the dimension that it is, counted from the right,
and the positions that the output has along it; it gives what each of these sees, or None if all is mixed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor, prod
from typing import Any, TypeAlias

from jaxtyping import Shaped
from torch import Tensor

from striate.ops.axes import Axes, Axis, Rule, everything, gathered, placed
from striate.ops.geometry import output_size
from striate.ops.receptive import Reach, grow, resample, spread

__all__ = [
    "adapt",
    "columns",
    "convolve",
    "cubic",
    "cut",
    "linear",
    "nearest",
    "nearest_exact",
    "pad",
    "pool",
    "shuffle",
    "tile",
    "unshuffle",
    "window",
    "windows",
]

Step: TypeAlias = Callable[[Mapping[str, Any], Axis, int, int], Reach | None]

# A pattern with more phases than this is not followed: it counts as mixed.
_MOST_PHASES = 4096


def window(step: Step, rank: int | None = None) -> Rule:
    """Make the rule of an operation that treats its last dimensions one by one.

    Args:
        step: What it does to one of them.
        rank: How many it treats; those before are left as they are. None if the step knows by itself.
    """

    def rule(given: Mapping[str, Any], tensor: Tensor, axes: Axes, out: Tensor) -> Axes:
        if tensor is not given.get("input", given.get("self")):
            # A kernel made of the image: all of it works on every position.
            return everything(given, tensor, axes, out)

        def stepped(axis: Axis, index: int) -> Reach | None:
            dim = index - tensor.ndim
            return axis.reach if rank is not None and -dim > rank else step(given, axis, dim, out.shape[dim])

        def follow(axis: Axis) -> Axis:
            if axis.fixed:
                return axis
            if axis.index is not None:
                reach = stepped(axis, axis.index)
                return gathered(axis) if reach is None else placed(reach, out, axis.index, axis.extent)
            # Merged with others by a view: it stays there if that dimension is left alone.
            for d, n in enumerate(tensor.shape):
                start = prod(tensor.shape[:d])
                inside = 0 < start <= axis.outer and axis.outer * axis.size <= start * n == start * out.shape[d]
                if inside and stepped(placed(Reach(), tensor, d, n), d) == Reach():
                    return replace(axis, outer=axis.outer // start * prod(out.shape[:d]))
            return gathered(axis)

        return tuple(map(follow, axes))

    return rule


# Windows.


def convolve(given: Mapping[str, Any], axis: Axis, dim: int, _made: int) -> Reach | None:
    """Convolution, transposed or not."""
    step = spread if given["transposed"] else grow
    return _through(step, given, given["padding"], axis, dim, given["weight"].shape[2:])


def tile(given: Mapping[str, Any], axis: Axis, dim: int, _made: int) -> Reach | None:
    """Convolution with kernels that take turns, transposed or not: weight `(*tiles, K, C / groups, *kernel)`."""
    step = spread if "output_size" in given else grow
    return _through(step, given, given["before"], axis, dim, given["weight"].shape[-len(given["stride"]) :])


def _through(
    step: Callable[..., Reach],
    given: Mapping[str, Any],
    padding: Sequence[int],
    axis: Axis,
    dim: int,
    kernel: Sequence[int],
) -> Reach | None:
    if -dim == len(kernel) + 1:  # the channels, which are all mixed
        return None
    if -dim > len(kernel):  # the examples
        return axis.reach
    stride, dilation = _pick(given["stride"], dim), _pick(given["dilation"], dim)
    return step(axis.reach, kernel[dim], stride=stride, padding=_pick(padding, dim), dilation=dilation)


def pool(given: Mapping[str, Any], axis: Axis, dim: int, _made: int) -> Reach:
    """Pooling."""
    kernel = _pick(given["kernel_size"], dim)
    stride = _pick(given["stride"], dim) if given["stride"] else kernel
    dilation = _pick(given.get("dilation", 1), dim)
    return grow(axis.reach, kernel, stride=stride, padding=_pick(given["padding"], dim), dilation=dilation)


def adapt(_given: Mapping[str, Any], axis: Axis, _dim: int, made: int) -> Reach | None:
    """Adaptive pooling: window `p` runs from `floor(p * size / made)` to `ceil((p + 1) * size / made)`."""
    size = axis.size
    if made == 1:
        return None
    return _resampled(axis, lambda p: range(p * size // made, -(-(p + 1) * size // made)), Fraction(size, made))


def windows(given: Mapping[str, Any], tensor: Shaped[Tensor, "..."], axes: Axes, out: Shaped[Tensor, "..."]) -> Axes:
    """`Tensor.unfold`: one dimension becomes windows of itself, whose taps are a new last dimension."""
    dim = given["dimension"] % tensor.ndim

    def follow(axis: Axis) -> Axis:
        if axis.fixed or axis.index is None:
            return gathered(axis)
        reach = grow(axis.reach, given["size"], stride=given["step"]) if axis.index == dim else axis.reach
        return placed(reach, out, axis.index, axis.extent)

    return tuple(map(follow, axes))


def columns(given: Mapping[str, Any], tensor: Shaped[Tensor, "..."], axes: Axes, out: Shaped[Tensor, "..."]) -> Axes:
    """`F.unfold`: `N C H W` becomes `N (C R S) (P Q)`, a column for each window."""
    counts = [
        output_size(
            tensor.shape[d], *(_pick(given[name], d) for name in ("kernel_size", "stride", "padding", "dilation"))
        )
        for d in (-2, -1)
    ]

    def follow(axis: Axis) -> Axis:
        dim = 0 if axis.index is None else axis.index - tensor.ndim
        if axis.fixed or dim not in (-2, -1):
            return gathered(axis)
        outer = prod(out.shape[:-1]) * prod(counts[: dim + 2])
        return Axis(pool(given, axis, dim, 0), outer, counts[dim], axis.extent, None)

    return tuple(map(follow, axes))


# Padding and slicing.


def pad(given: Mapping[str, Any], axis: Axis, dim: int, _made: int) -> Reach:
    """Padding: sizes are listed from the last dimension on, before and after."""
    sizes = given["pad"] if "pad" in given else given["padding"]
    return grow(axis.reach, 1, padding=sizes[-2 * (dim + 1)] if len(sizes) >= -2 * dim else 0)


def cut(given: Mapping[str, Any], axis: Axis, dim: int, _made: int) -> Reach:
    """Slicing of one dimension."""
    if given["dim"] not in (axis.index, dim):
        return axis.reach
    start = given["start"] or 0
    return grow(axis.reach, 1, stride=given["step"], padding=-(max(0, start + axis.size) if start < 0 else start))


# Other sizes, and channels that become positions.


def nearest(given: Mapping[str, Any], axis: Axis, dim: int, made: int) -> Reach | None:
    """Each position copies the one before its place in the input."""
    return _interpolated(given, axis, dim, made, lambda at: [floor(at)], centred=False)


def nearest_exact(given: Mapping[str, Any], axis: Axis, dim: int, made: int) -> Reach | None:
    """Each position copies the one whose centre lies nearest to its own."""
    return _interpolated(given, axis, dim, made, lambda at: [floor(at + Fraction(1, 2))])


def linear(given: Mapping[str, Any], axis: Axis, dim: int, made: int) -> Reach | None:
    """Each position blends the two that its centre lies between, or copies the one that it meets."""
    return _interpolated(given, axis, dim, made, lambda at: [floor(at), ceil(at)])


def cubic(given: Mapping[str, Any], axis: Axis, dim: int, made: int) -> Reach | None:
    """Each position blends the four around its centre, or copies the one that it meets."""
    return _interpolated(
        given, axis, dim, made, lambda at: [floor(at) - 1, floor(at) + 2] if at.denominator > 1 else [int(at)]
    )


def shuffle(given: Mapping[str, Any], axis: Axis, dim: int, _made: int) -> Reach | None:
    """`pixel_shuffle`: channels become positions."""
    factor = given["upscale_factor"]
    return None if dim == -3 else _resampled(axis, lambda q: [q // factor], Fraction(1, factor))


def unshuffle(given: Mapping[str, Any], axis: Axis, dim: int, _made: int) -> Reach | None:
    """`pixel_unshuffle`: positions become channels."""
    factor = given["downscale_factor"]
    return None if dim == -3 else grow(axis.reach, factor, stride=factor)


def _interpolated(
    given: Mapping[str, Any],
    axis: Axis,
    dim: int,
    made: int,
    taps: Callable[[Fraction], Iterable[int]],
    *,
    centred: bool = True,
) -> Reach | None:
    # Position q lies at q * ratio of the input; its centre at (q + 1/2) * ratio - 1/2, unless corners are aligned.
    corners = given.get("align_corners", False)
    ratio = _ratio(given, axis.size, dim, made, corners)
    if not ratio:
        return None
    shift = (ratio - 1) / 2 if centred and not corners else Fraction(0)
    return _resampled(axis, lambda q: taps(q * ratio + shift), ratio)


def _ratio(given: Mapping[str, Any], size: int, dim: int, made: int, corners: bool) -> Fraction | None:
    if corners:
        return Fraction(size - 1, made - 1) if made > 1 else None
    factors = given.get("scale_factors")
    factor = factors[dim] if factors else given.get("scales", given.get(("scales_w", "scales_h", "scales_d")[-dim - 1]))
    if not factor or size * factor == made:
        return Fraction(size, made)
    # The factor counts, not the sizes: where it does not divide evenly they differ.
    exact = Fraction(factor).limit_denominator(_MOST_PHASES)
    return 1 / exact if float(exact) == factor else None


def _resampled(axis: Axis, taps: Callable[[int], Iterable[int]], ratio: Fraction) -> Reach | None:
    if ratio.denominator * len(axis.reach.first) > _MOST_PHASES:
        return None
    return resample(axis.reach, taps, period=ratio.denominator, advance=ratio.numerator)


def _pick(sizes: int | Sequence[int], dim: int) -> int:
    """Take the entry of dimension `dim`, counted from the right, out of one size per dimension, or one for all."""
    if isinstance(sizes, int):
        return sizes
    return sizes[0] if len(sizes) == 1 else sizes[dim]
