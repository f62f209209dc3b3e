"""Tensors that are put together from pieces: glued, or written into part by part, as circular padding is.

Where one piece is an image and the others go round from its end to its beginning, the whole is that image with a
border; what the border holds is ignored, as with any padding. Otherwise a position sees what any piece would let it
see, or all of the input if the pieces do not move alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from jaxtyping import Shaped
from torch import Tensor

from striate.ops.axes import Axes, Axis, everything, gathered, join, mix, placed, whole
from striate.ops.receptive import Reach, grow, union

__all__ = ["Canvas", "Piece", "assemble", "glue", "place"]


class Piece(NamedTuple):
    """What a part of a dimension sees.

    Args:
        reach: What each position sees, counted from the start of the dimension and not of the part.
        start: The first position of the part.
        length: Positions in the part.
    """

    reach: Reach
    start: int
    length: int


def assemble(pieces: Sequence[Piece]) -> Reach | None:
    """Give what each position sees, the border ignored; None if no one pattern says it.

    >>> middle, before = Piece(Reach((-2,), (-2,), 1), 2, 8), Piece(Reach((6,), (6,), 1), 0, 2)
    >>> assemble([middle, before])  # eight samples, and the last two before them: circular padding
    Reach(first=(-2,), last=(-2,), jump=1)
    """
    largest = max(pieces, key=lambda piece: piece.length)
    like, others = [p for p in pieces if p.reach == largest.reach], [p for p in pieces if p.reach != largest.reach]
    others = [piece for piece in others if not any(_goes_round(piece, image) for image in like)]
    apart = any(_before(piece, largest) or _before(largest, piece) for piece in others)
    if apart or any(piece.reach.rate != largest.reach.rate for piece in others):
        return None
    return union(largest.reach, *(piece.reach for piece in others))


def _before(one: Piece, other: Piece) -> bool:
    return one.start + one.length <= other.start


def _goes_round(piece: Piece, image: Piece) -> bool:
    if piece.length >= image.length or not (_before(piece, image) or _before(image, piece)):
        return False
    turn = -image.length if _before(piece, image) else image.length
    return piece.reach == grow(image.reach, 1, padding=turn)


def glue(given: Mapping[str, Any], seen: Sequence[tuple[Tensor, Axes]], out: Shaped[Tensor, "..."]) -> Axes:
    """`cat`: tensors one after the other along a dimension, those that do not depend on the image among them."""
    dim = given["dim"] % out.ndim
    apart = [mix(lambda *_: [dim])(given, tensor, axes, out) for tensor, axes in seen]

    def follow(k: int) -> Axis:
        if any(axes[k].index != dim or axes[k].fixed for _, axes in seen):
            return join([(axes[k],) for axes in apart])[0]
        found, pieces, start = {id(tensor): axes[k] for tensor, axes in seen}, list[Piece](), 0
        for tensor in given["tensors"]:
            length = tensor.shape[dim] if tensor.ndim == out.ndim else 0  # `cat` takes empty ones of any shape
            if axis := found.get(id(tensor)):
                pieces.append(Piece(grow(axis.reach, 1, padding=start), start, length))
            start += length
        reach, extent = assemble(pieces), seen[0][1][k].extent
        return whole(seen[0][1][k]) if reach is None else placed(reach, out, dim, extent)

    return tuple(map(follow, range(len(seen[0][1]))))


@dataclass
class Canvas:
    """Memory that is written into part by part, and read in parts.

    Args:
        root: The tensor that is all of it.
        axes: What it sees; None before anything of the image is written.
        version: How many times it was written into.
    """

    root: Tensor
    axes: Axes | None = None
    version: int = 0
    _pieces: list[list[tuple[int, Piece]] | None] | None = None

    def write(self, part: Shaped[Tensor, "..."], axes: Axes) -> None:
        """Put something that sees `axes` where `part` lies."""
        where = place(self.root, part)
        if where is not None and all(n == m for (_, n, _), m in zip(where, self.root.shape, strict=True)):
            self._pieces = None  # nothing is left of what was there
        elif self._pieces is None and self.axes is not None:
            self._pieces = [self._piece(axis, _all_of(self.root)) for axis in self.axes]
        new = [self._piece(axis, where) for axis in axes]
        old = self._pieces or [[] for _ in axes]
        self._pieces = [None if a is None or b is None else [*a, *b] for a, b in zip(old, new, strict=True)]
        self.axes = tuple(self._put_together(axis, pieces) for axis, pieces in zip(axes, self._pieces, strict=True))
        self.version += 1

    def read(self, part: Shaped[Tensor, "..."]) -> Axes | None:
        """Say what a part sees by now."""
        if self.axes is None or part is self.root:
            return self.axes
        where = place(self.root, part)
        if where is None:
            return everything({}, self.root, self.axes, part)

        def follow(axis: Axis) -> Axis:
            if axis.fixed or axis.index is None:
                return gathered(axis)
            start, _, index = where[axis.index]
            moved = grow(axis.reach, 1, padding=-start)
            return gathered(axis) if index is None else placed(moved, part, index, axis.extent)

        return tuple(map(follow, self.axes))

    def _piece(self, axis: Axis, where: "Place | None") -> list[tuple[int, Piece]] | None:
        if where is None or axis.index is None or axis.fixed:
            return None
        for d, (start, length, index) in enumerate(where):
            if index == axis.index:
                return [(d, Piece(grow(axis.reach, 1, padding=start), start, length))]
        return None

    def _put_together(self, axis: Axis, pieces: list[tuple[int, Piece]] | None) -> Axis:
        if pieces is None or len({d for d, _ in pieces}) > 1:
            return whole(axis)
        reach = assemble([piece for _, piece in pieces])
        return whole(axis) if reach is None else placed(reach, self.root, pieces[0][0], axis.extent)


Place = list[tuple[int, int, int | None]]


def place(root: Shaped[Tensor, "..."], part: Shaped[Tensor, "..."]) -> Place | None:
    """Say where a view lies in the tensor that it is a view of.

    Returns:
        For each dimension of `root` the first position, how many there are, and which dimension of `part` runs along
        it, if one does; None if `part` is no box in `root`.

    Example:
        >>> import torch
        >>> image = torch.zeros(2, 3, 8)
        >>> place(image, image[:, 1, 2:6])
        [(0, 2, 0), (1, 1, None), (2, 4, 1)]
    """
    starts, strides = [0] * root.ndim, root.stride()
    rest = int(part.storage_offset() - root.storage_offset())
    wide = sorted((d for d in range(root.ndim) if root.shape[d] > 1), key=lambda d: -strides[d])
    if rest < 0 or any(strides[d] == 0 for d in wide):
        return None
    for d in wide:
        starts[d], rest = divmod(rest, strides[d])
    found: list[tuple[int, int, int | None]] = [(start, 1, None) for start in starts]
    for index, (n, stride) in enumerate(zip(part.shape, part.stride(), strict=True)):
        if n > 1:
            d = next((d for d in wide if strides[d] == stride and found[d][2] is None), None)
            if d is None or starts[d] + n > root.shape[d]:
                return None
            found[d] = (starts[d], n, index)
    if part.ndim == root.ndim:  # dimensions of size 1 have no stride to tell them by
        found = [(start, n, d if index is None else index) for d, (start, n, index) in enumerate(found)]
    return None if rest or any(start >= n for (start, _, _), n in zip(found, root.shape, strict=True)) else found


def _all_of(root: Tensor) -> Place:
    return [(0, n, d) for d, n in enumerate(root.shape)]
