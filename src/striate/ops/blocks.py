"""Convolution with kernels that take turns, block by block: the arithmetic behind `ops.positional`.

Position `p` of an axis uses kernel `p mod t`. The positions are cut into blocks, each a grid of `periods` x `count`
positions an axis: `count` neighbours, which use as many kernels, and the same again in each of the `periods` turns.
So all that one kernel does in a block is one matrix product, and a block is one batch of products. Only the patches
of one block are ever unfolded, a few megabytes, however large the input is. `engine.unshared` is faster where it can be
used.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import torch
from torch import Tensor
from torch.nn import functional as F

from striate.engine.unshared import Geometry

__all__ = ["forward", "input_gradient", "kernel_gradient"]

# What the patches of one block may take. Larger blocks gain nothing once a product outweighs its call (measured: 4 MB
# is within 3 % of 32 MB for 3x3 kernels, 32 to 64 channels, 24x24 positions), and memory is promised to stay small.
BLOCK_BYTES = 4 << 20

# From so many columns on, a product reads patches with the columns innermost: they are gathered in runs as long as
# the batch, where otherwise runs are as long as a row of the kernel.
MANY_COLUMNS = 6


@dataclass(frozen=True)
class Span:
    """Positions `first + period * t + i` of one axis, for `period < periods` and `i < count`."""

    first: int
    periods: int
    count: int
    tiles: int

    @property
    def positions(self) -> slice:
        """Where along the axis."""
        return slice(self.first, self.first + (self.periods - 1) * self.tiles + self.count)

    @property
    def kernels(self) -> slice:
        """Which kernels take part."""
        return slice(self.first % self.tiles, self.first % self.tiles + self.count)


def _spans(positions: int, tiles: int, most: int) -> list[Span]:
    """Cut an axis into spans of at most `most` positions: whole turns if one fits, else pieces of turns."""
    if most < tiles:
        pieces = [
            (turn + i, min(i + most, tiles)) for turn in range(0, positions, tiles) for i in range(0, tiles, most)
        ]
        ends = [(first, min(first // tiles * tiles + end, positions)) for first, end in pieces]
        return [Span(first, 1, end - first, tiles) for first, end in ends if end > first]
    whole, rest = divmod(positions, tiles)
    step = most // tiles
    spans = [Span(turn * tiles, min(step, whole - turn), tiles, tiles) for turn in range(0, whole, step)]
    return [*spans, Span(whole * tiles, 1, rest, tiles)] if rest else spans


@dataclass(frozen=True)
class Block:
    """Some examples and one span an axis, and where the numbers they take part in lie."""

    geometry: Geometry
    examples: slice
    spans: tuple[Span, ...]

    @property
    def positions(self) -> tuple[slice, ...]:
        """Where in `(N, K, *positions)`."""
        return (self.examples, slice(None), *(span.positions for span in self.spans))

    @property
    def kernels(self) -> tuple[slice, ...]:
        """Where in `(*tiles, K, C / groups, *kernel)`."""
        return tuple(span.kernels for span in self.spans)

    @property
    def comes_first(self) -> bool:
        """Whether no block before this one used the same kernels."""
        return self.examples.start == 0 and all(span.first < span.tiles for span in self.spans)

    def window(self) -> tuple[tuple[slice, ...], list[int]]:
        """Give where in `(N, C, *size)` it reads, and the zeros around that, as `F.pad` takes them."""
        g = self.geometry
        places, zeros = [self.examples, slice(None)], list[int]()
        for span, n, s, b, e in zip(self.spans, g.size, g.stride, g.before, g.extent, strict=True):
            start, stop = span.first * s - b, (span.positions.stop - 1) * s - b + e
            places.append(slice(min(max(start, 0), n), max(min(stop, n), 0)))
            zeros = [max(0, min(-start, stop - start)), max(0, min(stop - n, stop - start)), *zeros]
        return tuple(places), zeros

    def rows(self, y: Tensor) -> Tensor:
        """View `(N, K, *positions)` as `(*kernels, groups, K / groups, *periods, N)`."""
        y = y[self.positions]
        for axis, span in enumerate(self.spans):
            y = y.unflatten(2 + 2 * axis, (span.periods, span.count))
        rank, y = self.geometry.rank, y.unflatten(1, (self.geometry.groups, -1))
        periods, counts = range(3, 3 + 2 * rank, 2), range(4, 4 + 2 * rank, 2)
        return y.permute(*counts, 1, 2, *periods, 0)

    def taps(self, x: Tensor) -> Tensor:
        """View a padded window `(C, *window, N)` as `(*kernels, groups, C / groups, *kernel, *periods, N)`."""
        g, (channel, *steps, example) = self.geometry, x.stride()
        per_group = x.shape[0] // g.groups
        counts, periods = [span.count for span in self.spans], [span.periods for span in self.spans]
        along = [n * s for n, s in zip(steps, g.stride, strict=True)]
        return x.as_strided(
            (*counts, g.groups, per_group, *g.kernel, *periods, x.shape[-1]),
            (
                *along,
                channel * per_group,
                channel,
                *(n * d for n, d in zip(steps, g.dilation, strict=True)),
                *(n * t for n, t in zip(along, (span.tiles for span in self.spans), strict=True)),
                example,
            ),
        )


def _blocks(g: Geometry, x: Tensor, kernels: int) -> Iterator[Block]:
    examples, channels = x.shape[0], x.shape[1]
    tiles = tuple(min(t, p) for t, p in zip(g.tiles, g.positions, strict=True))
    # Half precision is summed in single, for which the kernels of a block are converted too.
    single = channels // g.groups * prod(g.kernel) * (kernels if _working(x.dtype) != x.dtype else 0)
    each = channels * prod(g.kernel) + kernels
    room = BLOCK_BYTES // _working(x.dtype).itemsize
    batch = max(1, min(examples, (room - single) // each))
    most = max(1, room // (batch * each + single))
    cut: list[list[Span]] = []
    for p, t in zip(reversed(g.positions), reversed(tiles), strict=True):
        cut.insert(0, _spans(p, t, min(p, most)))
        most = max(1, most // p)
    for first in range(0, max(1, examples), batch):
        for spans in product(*cut):
            yield Block(g, slice(first, min(first + batch, examples)), spans)


def _working(dtype: torch.dtype) -> torch.dtype:
    return torch.float32 if dtype in (torch.bfloat16, torch.float16) else dtype


def _window(block: Block, x: Tensor) -> Tensor:
    """Give what a block reads, zeros included: `(C, *window, N)`."""
    places, zeros = block.window()
    return (F.pad(x[places], zeros) if any(zeros) else x[places]).movedim(0, -1)


def _patches(block: Block, x: Tensor, columns: int) -> Tensor:
    """Unfold what a block reads: `(kernels * groups, C / groups * kernel, columns)`."""
    g, inner = block.geometry, _window(block, x)
    rank = g.rank
    many = columns >= MANY_COLUMNS
    taps = block.taps(inner.contiguous() if many else inner)
    taps = taps.flip(tuple(range(rank + 2, 2 * rank + 2))) if g.flip else taps
    kernels, depth = taps.shape[: rank + 1].numel(), taps.shape[rank + 1 : 2 * rank + 2].numel()
    if many:
        return taps.reshape(kernels, depth, columns).to(_working(x.dtype))
    last = taps.permute(*range(rank + 1), *range(2 * rank + 2, 3 * rank + 3), *range(rank + 1, 2 * rank + 2))
    return last.reshape(kernels, columns, depth).transpose(1, 2).to(_working(x.dtype))


def _matrices(block: Block, weight: Tensor) -> Tensor:
    """Give the kernels of a block as `(kernels * groups, K / groups, C / groups * kernel)`."""
    rank, groups = block.geometry.rank, block.geometry.groups
    taken = weight[block.kernels]
    counts, kernels = taken.shape[:rank].numel(), taken.shape[rank]
    depth = taken.shape[rank + 1 :].numel()
    return taken.reshape(counts * groups, kernels // groups, depth).to(_working(weight.dtype))


def _product(block: Block, x: Tensor, matrices: Tensor) -> Tensor:
    """Multiply the kernels of a block with what they see: `(kernels * groups, K / groups, columns)`."""
    patches = _patches(block, x, _columns(block))
    if patches.shape[2] >= MANY_COLUMNS:
        return torch.bmm(matrices, patches)
    # A few columns are rows of the patches as they lie in memory: from the left they take two thirds of the time.
    return torch.bmm(patches.transpose(1, 2), matrices.transpose(1, 2)).transpose(1, 2)


def _columns(block: Block) -> int:
    return prod(span.periods for span in block.spans) * (block.examples.stop - block.examples.start)


def forward(x: Tensor, weight: Tensor, g: Geometry) -> Tensor:
    """Convolve: `(N, C, *size)` to `(N, K, *positions)`."""
    output = x.new_empty(x.shape[0], weight.shape[g.rank], *g.positions)
    for block in _blocks(g, x, weight.shape[g.rank]):
        rows = block.rows(output)
        rows.copy_(_product(block, x, _matrices(block, weight)).reshape(rows.shape))
    return output


def input_gradient(y: Tensor, weight: Tensor, g: Geometry) -> Tensor:
    """Transpose: `(N, K, *positions)` to `(N, C, *size)`; each product goes back to the sample it was read from."""
    rank, channels = g.rank, weight.shape[g.rank + 1] * g.groups
    result = y.new_zeros(y.shape[0], channels, *g.size, dtype=_working(y.dtype))
    for block in _blocks(g, result, weight.shape[rank]):
        rows, matrices = block.rows(y), _matrices(block, weight)
        columns = rows.reshape(*matrices.shape[:2], _columns(block)).to(matrices.dtype)
        products = torch.bmm(matrices.transpose(1, 2), columns)
        places, zeros = block.window()
        target = result[places].movedim(0, -1)
        sizes = [n + b + a for n, b, a in zip(target.shape[1:-1], zeros[-2::-2], zeros[::-2], strict=True)]
        window = target.new_zeros(channels, *sizes, target.shape[-1])
        taps = block.taps(window)
        taps = taps.unflatten(0, (taps.shape[0],))
        products = products.view(taps.shape)
        for tap in product(*map(range, g.kernel)):
            opposite = tuple(k - 1 - r for k, r in zip(g.kernel, tap, strict=True)) if g.flip else tap
            at = (slice(None),) * (rank + 2)
            taps[(*at, *tap)].add_(products[(*at, *opposite)])
        inside = [slice(b, b + n) for n, b in zip(target.shape[1:-1], zeros[-2::-2], strict=True)]
        target.add_(window[(slice(None), *inside)])
    return result.to(y.dtype)


def kernel_gradient(x: Tensor, y: Tensor, kernels: Sequence[int], g: Geometry) -> Tensor:
    """Correlate: `(N, C, *size)` and `(N, K, *positions)` to `kernels`, `(*tiles, K, C / groups, *kernel)`."""
    unused = any(t > p for t, p in zip(g.tiles, g.positions, strict=True))
    result = (x.new_zeros if unused else x.new_empty)(tuple(kernels), dtype=_working(x.dtype))
    for block in _blocks(g, x, y.shape[1]):
        patches = _patches(block, x, _columns(block)).transpose(1, 2)
        rows = block.rows(y)
        rows = rows.reshape(patches.shape[0], y.shape[1] // g.groups, patches.shape[1]).to(patches.dtype)
        target = result[block.kernels]
        shape = (rows.shape[0], rows.shape[1], patches.shape[2])
        if not target.is_contiguous():
            products = torch.bmm(rows, patches).view(target.shape)
            target.copy_(products) if block.comes_first else target.add_(products)
        elif block.comes_first:
            torch.bmm(rows, patches, out=target.view(shape))
        else:
            target.view(shape).baddbmm_(rows, patches)
    return result.to(x.dtype)
