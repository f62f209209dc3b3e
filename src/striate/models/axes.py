"""Where an image's rows and columns go in the tensors a network makes of it, and what each position still sees.

A tensor that depends on the image carries one `Axis` for the height and one for the width. A rule says what an
operation makes of them. Every rule takes the same four things: the operation's arguments by name, one input that
depends on the image, that input's axes, and the output.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import gcd, prod
from typing import Any, TypeAlias

from torch import Tensor

from striate.ops.receptive import Reach, gather, grow, resample, spread, union

__all__ = [
    "Axes",
    "Axis",
    "Rule",
    "adapt",
    "by_index",
    "cut",
    "enlarge",
    "everything",
    "image_axes",
    "join",
    "mix",
    "pad",
    "permute",
    "slide",
    "view",
    "window",
]


@dataclass(frozen=True)
class Axis:
    """The height or the width of the image, as it is found in a tensor.

    Args:
        reach: What each position sees.
        outer: Product of the sizes before the axis: it says where the axis lies even while a view has merged it.
        size: Positions along the axis.
        extent: Input samples along the axis.
        index: The dimension that is exactly this axis, if there is one.
    """

    reach: Reach
    outer: int
    size: int
    extent: int
    index: int | None

    @property
    def fixed(self) -> bool:
        """Whether every position sees the same; then it no longer matters where the axis is."""
        return self.reach.jump == 0


Axes: TypeAlias = tuple[Axis, Axis]
Rule: TypeAlias = Callable[[Mapping[str, Any], Tensor, Axes, Tensor], Axes]


def image_axes(image: Tensor) -> Axes:
    """Give the axes of an image, `N C H W`, in itself."""
    return _placed(Reach(), image, 2, image.shape[2]), _placed(Reach(), image, 3, image.shape[3])


def join(axes: list[Axis]) -> Axis:
    """Give what an output sees that several inputs contribute to."""
    first, *others = axes
    if not others:
        return first
    if len({(axis.reach.rate, axis.fixed or (axis.outer, axis.size)) for axis in axes}) > 1:
        return _gathered(first, Reach((0,), (first.extent - 1,), 0))
    return Axis(union(*(axis.reach for axis in axes)), first.outer, first.size, first.extent, first.index)


def everything(_given: Mapping[str, Any], _tensor: Tensor, axes: Axes, _out: Tensor) -> Axes:
    """Each output sees all that any position of the input sees."""
    return _gathered(axes[0]), _gathered(axes[1])


def by_index(_given: Mapping[str, Any], tensor: Tensor, axes: Axes, out: Tensor) -> Axes:
    """Position by position, dimensions aligned from the right as in broadcasting."""

    def follow(axis: Axis) -> Axis:
        if axis.fixed or tensor.shape == out.shape:
            return axis
        index = -1 if axis.index is None else axis.index + out.ndim - tensor.ndim
        fits = index >= 0 and out.shape[index] == axis.size
        return _placed(axis.reach, out, index, axis.extent) if fits else _gathered(axis)

    return follow(axes[0]), follow(axes[1])


def view(_given: Mapping[str, Any], tensor: Tensor, axes: Axes, out: Tensor) -> Axes:
    """The same numbers in another shape: the product of the sizes before an axis says where it is now."""

    def follow(axis: Axis) -> Axis:
        places = [i for i, n in enumerate(out.shape) if n == axis.size and prod(out.shape[:i]) == axis.outer]
        # Sizes of 1 fit in several places: keep the distance from the right.
        old = (axis.index or 0) - tensor.ndim + out.ndim
        index = min(places, key=lambda i: abs(i - old), default=None)
        return Axis(axis.reach, axis.outer, axis.size, axis.extent, index)

    return follow(axes[0]), follow(axes[1])


def permute(given: Mapping[str, Any], tensor: Tensor, axes: Axes, out: Tensor) -> Axes:
    """Dimensions change places: `permute`, `transpose` and `t`."""
    order = [d % tensor.ndim for d in given.get("dims", range(tensor.ndim))]
    if "dims" not in given and tensor.ndim > 1:
        a, b = given.get("dim0", 0), given.get("dim1", 1)
        order[a], order[b] = order[b], order[a]

    def follow(axis: Axis) -> Axis:
        if axis.fixed or axis.index is None:
            return _gathered(axis)
        return _placed(axis.reach, out, order.index(axis.index), axis.extent)

    return follow(axes[0]), follow(axes[1])


def mix(dims_of: Callable[[Mapping[str, Any], Tensor], list[int]]) -> Rule:
    """Make the rule of an operation that sums over, mixes, cuts or glues some dimensions and leaves the others."""

    def rule(given: Mapping[str, Any], tensor: Tensor, axes: Axes, out: Tensor) -> Axes:
        dims = [d % tensor.ndim for d in dims_of(given, tensor)]
        shape = tuple(tensor.shape)
        # What `keepdim=False` drops counts as a dimension of size 1.
        sizes = out.shape if out.ndim == tensor.ndim else [1 if d in dims else n for d, n in enumerate(shape)]

        def follow(axis: Axis) -> Axis:
            start, stop = axis.outer, axis.outer * axis.size
            if axis.size == 1 or any(max(start, prod(shape[:d])) < min(stop, prod(shape[: d + 1])) for d in dims):
                return _gathered(axis)
            before = [d for d in dims if 0 < prod(shape[: d + 1]) <= start]
            outer = start * prod(sizes[d] for d in before) // prod(shape[d] for d in before)
            return Axis(axis.reach, outer, axis.size, axis.extent, axis.index)

        return view(given, tensor, (follow(axes[0]), follow(axes[1])), out)

    return rule


def window(step: Callable[[Mapping[str, Any], Axis, int], Reach | None]) -> Rule:
    """Make the rule of an operation that treats its last dimensions one by one.

    Args:
        step: Takes the arguments, the axis and its dimension counted from the right (-1 is the last); gives what the
            output sees, or None where it mixes everything.
    """

    def rule(given: Mapping[str, Any], tensor: Tensor, axes: Axes, out: Tensor) -> Axes:
        def follow(axis: Axis) -> Axis:
            index = axis.index
            reach = None if axis.fixed or index is None else step(given, axis, index - tensor.ndim)
            return _gathered(axis) if reach is None or index is None else _placed(reach, out, index, axis.extent)

        return follow(axes[0]), follow(axes[1])

    return rule


# The steps that `window` takes.


def slide(given: Mapping[str, Any], axis: Axis, dim: int) -> Reach:
    """Convolution, transposed or not, and pooling."""
    kernels = given["weight"].shape[2:] if "weight" in given else given["kernel_size"]
    kernel = _pick(kernels, dim, 1)
    return (spread if given.get("transposed") else grow)(
        axis.reach,
        kernel,
        stride=_pick(given["stride"], dim, kernel),
        padding=_pick(given["padding"], dim, 0),
        dilation=_pick(given.get("dilation", 1), dim, 1),
    )


def pad(given: Mapping[str, Any], axis: Axis, dim: int) -> Reach:
    """Padding: sizes are listed from the last dimension on, before and after."""
    sizes = given["pad"] if "pad" in given else given["padding"]
    return grow(axis.reach, 1, padding=sizes[-2 * (dim + 1)] if len(sizes) >= -2 * dim else 0)


def cut(given: Mapping[str, Any], axis: Axis, dim: int) -> Reach:
    """Slicing of one dimension."""
    if given["dim"] not in (axis.index, dim):
        return axis.reach
    start = given["start"] or 0
    return grow(axis.reach, 1, stride=given["step"], padding=-(start + axis.size if start < 0 else start))


def adapt(given: Mapping[str, Any], axis: Axis, dim: int) -> Reach | None:
    """Adaptive pooling: window `p` runs from `floor(p * size / wanted)` to `ceil((p + 1) * size / wanted)`."""
    size, wanted = axis.size, _pick(given["output_size"], dim, axis.size)
    if wanted == 1:
        return None
    period, advance = wanted // gcd(size, wanted), size // gcd(size, wanted)
    return resample(
        axis.reach,
        lambda p: range(p * size // wanted, -(-(p + 1) * size // wanted)),
        period=period,
        advance=advance,
    )


def enlarge(given: Mapping[str, Any], axis: Axis, dim: int) -> Reach | None:
    """Enlarging by a whole factor: each position copies its nearest neighbour, or blends two if `align_corners`."""
    factor, rest = divmod(_pick(given["output_size"], dim, axis.size), axis.size)
    if rest or given.get("align_corners"):
        return None
    blends = "align_corners" in given

    def taps(q: int) -> range:
        # The centre of output q lies at (2q + 1 - factor) / (2 factor) of the input.
        at, unit = 2 * q + 1 - factor, 2 * factor
        return range(at // unit, 1 - (-at // unit)) if blends else range(q // factor, q // factor + 1)

    return resample(axis.reach, taps, period=factor, advance=1)


def _placed(reach: Reach, tensor: Tensor, index: int, extent: int) -> Axis:
    return Axis(reach, prod(tensor.shape[:index]), tensor.shape[index], extent, index)


def _gathered(axis: Axis, reach: Reach | None = None) -> Axis:
    if axis.fixed and reach is None:
        return axis
    return Axis(reach or gather(axis.reach, axis.size, axis.extent), 1, 1, axis.extent, None)


def _pick(sizes: Any, dim: int, default: int) -> int:
    """Take the entry of dimension `dim`, counted from the right, out of one size per dimension, or one for all."""
    if isinstance(sizes, int):
        return sizes
    return sizes[dim] if len(sizes) >= -dim else sizes[0] if len(sizes) == 1 else default
