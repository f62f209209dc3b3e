"""Where an image's spatial axes go in the tensors a network makes of it, and what each position still sees.

A tensor that depends on the image carries one `Axis` for each spatial axis of the image: one for a sequence, two for a
picture, three for a volume. A rule says what an operation makes of them. Every rule takes the same four things: the
operation's arguments by name, one input that depends on the image, that input's axes, and the output.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

from jaxtyping import Shaped
from torch import Tensor

from striate.ops.receptive import Reach, gather, union

__all__ = [
    "Axes",
    "Axis",
    "Rule",
    "by_index",
    "everything",
    "gathered",
    "image_axes",
    "join",
    "mix",
    "permute",
    "placed",
    "view",
    "whole",
]


@dataclass(frozen=True)
class Axis:
    """A spatial axis of the image, as it is found in a tensor.

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


Axes: TypeAlias = tuple[Axis, ...]
Rule: TypeAlias = Callable[[Mapping[str, Any], Tensor, Axes, Tensor], Axes]


def image_axes(image: Shaped[Tensor, "N C *spatial"]) -> Axes:
    """Give the spatial axes of an image, `N C *spatial`, in itself."""
    return tuple(placed(Reach(), image, index, image.shape[index]) for index in range(2, image.ndim))


def placed(reach: Reach, tensor: Shaped[Tensor, "..."], index: int, extent: int) -> Axis:
    """Give an axis that is the dimension `index` of a tensor."""
    return Axis(reach, prod(tensor.shape[:index]), tensor.shape[index], extent, index)


def gathered(axis: Axis) -> Axis:
    """Give the axis once all its positions are mixed."""
    return axis if axis.fixed else Axis(gather(axis.reach, axis.size, axis.extent), 1, 1, axis.extent, None)


def whole(axis: Axis) -> Axis:
    """Give the axis of something that sees the whole input."""
    return Axis(Reach((0,), (axis.extent - 1,), 0), 1, 1, axis.extent, None)


def join(found: Sequence[Axes]) -> Axes:
    """Give what an output sees that several inputs contribute to."""

    def meet(*axes: Axis) -> Axis:
        first, *others = axes
        if not others:
            return first
        if len({(axis.reach.rate, axis.fixed or (axis.outer, axis.size)) for axis in axes}) > 1:
            return whole(first)
        return Axis(union(*(axis.reach for axis in axes)), first.outer, first.size, first.extent, first.index)

    return tuple(map(meet, *found))


def everything(
    _given: Mapping[str, Any], _tensor: Shaped[Tensor, "..."], axes: Axes, _out: Shaped[Tensor, "..."]
) -> Axes:
    """Each output sees all that any position of the input sees."""
    return tuple(map(gathered, axes))


def by_index(_given: Mapping[str, Any], tensor: Shaped[Tensor, "..."], axes: Axes, out: Shaped[Tensor, "..."]) -> Axes:
    """Position by position, dimensions aligned from the right as in broadcasting."""

    def follow(axis: Axis) -> Axis:
        if axis.fixed or tensor.shape == out.shape:
            return axis
        index = -1 if axis.index is None else axis.index + out.ndim - tensor.ndim
        fits = index >= 0 and out.shape[index] == axis.size
        return placed(axis.reach, out, index, axis.extent) if fits else gathered(axis)

    return tuple(map(follow, axes))


def view(_given: Mapping[str, Any], tensor: Shaped[Tensor, "..."], axes: Axes, out: Shaped[Tensor, "..."]) -> Axes:
    """The same numbers in another shape: the product of the sizes before an axis says where it is now."""

    def follow(axis: Axis) -> Axis:
        places = [i for i, n in enumerate(out.shape) if n == axis.size and prod(out.shape[:i]) == axis.outer]
        # Sizes of 1 fit in several places: keep the distance from the right.
        old = (axis.index or 0) - tensor.ndim + out.ndim
        index = min(places, key=lambda i: abs(i - old), default=None)
        return Axis(axis.reach, axis.outer, axis.size, axis.extent, index)

    return tuple(map(follow, axes))


def permute(given: Mapping[str, Any], tensor: Shaped[Tensor, "..."], axes: Axes, out: Shaped[Tensor, "..."]) -> Axes:
    """Dimensions change places: `permute`, `transpose` and `t`."""
    order = [d % tensor.ndim for d in given.get("dims", range(tensor.ndim))]
    if "dims" not in given and tensor.ndim > 1:
        a, b = given.get("dim0", 0), given.get("dim1", 1)
        order[a], order[b] = order[b], order[a]

    def follow(axis: Axis) -> Axis:
        if axis.fixed or axis.index is None:
            return gathered(axis)
        return placed(axis.reach, out, order.index(axis.index), axis.extent)

    return tuple(map(follow, axes))


def mix(dims_of: Callable[[Mapping[str, Any], Tensor], Sequence[int]]) -> Rule:
    """Make the rule of an operation that sums over, mixes, cuts or glues some dimensions and leaves the others."""

    def rule(given: Mapping[str, Any], tensor: Tensor, axes: Axes, out: Tensor) -> Axes:
        dims = [d % tensor.ndim for d in dims_of(given, tensor)]
        shape = tuple(tensor.shape)
        # What `keepdim=False` drops counts as a dimension of size 1.
        sizes = out.shape if out.ndim == tensor.ndim else [1 if d in dims else n for d, n in enumerate(shape)]

        def follow(axis: Axis) -> Axis:
            start, stop = axis.outer, axis.outer * axis.size
            if axis.size == 1 or any(max(start, prod(shape[:d])) < min(stop, prod(shape[: d + 1])) for d in dims):
                return gathered(axis)
            before = [d for d in dims if 0 < prod(shape[: d + 1]) <= start]
            outer = start * prod(sizes[d] for d in before) // prod(shape[d] for d in before)
            return Axis(axis.reach, outer, axis.size, axis.extent, axis.index)

        return view(given, tensor, tuple(map(follow, axes)), out)

    return rule
