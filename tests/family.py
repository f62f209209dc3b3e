"""Random members of the convolution family, and what each of them is by definition: plain loops in float64."""

from dataclasses import dataclass
from itertools import product

import torch
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from striate.engine.unshared import Geometry


@dataclass(frozen=True)
class Problem:
    """One convolution: its tensors' sizes and its settings."""

    rank: int
    batch: int
    channels: int  # per group
    kernels: int  # per group
    groups: int
    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    sides: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    flip: bool
    seed: int

    @property
    def positions(self):
        rows = zip(self.size, self.kernel, self.stride, self.sides, self.dilation, strict=True)
        return tuple((n + b + a - d * (k - 1) - 1) // s + 1 for n, k, s, (b, a), d in rows)

    @property
    def settings(self):
        return {"stride": self.stride, "padding": self.sides, "dilation": self.dilation, "groups": self.groups}

    def draw(self, *shape):
        generator = torch.Generator().manual_seed(self.seed + len(shape))
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    def input(self):
        return self.draw(self.batch, self.channels * self.groups, *self.size)

    def weight(self, tiles=()):
        return self.draw(*tiles, self.kernels * self.groups, self.channels, *self.kernel)

    def output(self):
        return self.draw(self.batch, self.kernels * self.groups, *self.positions)


@st.composite
def problems(draw, ranks=(1, 2, 3)):
    """Any sizes and settings at which at least one window fits."""
    rank = draw(st.sampled_from(ranks))

    def axes(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    kernel, stride, dilation = axes(1, 3), axes(1, 3), axes(1, 2)
    sides = tuple((draw(st.integers(0, 3)), draw(st.integers(0, 3))) for _ in range(rank))
    least = [max(1, d * (k - 1) + 1 - b - a) for k, d, (b, a) in zip(kernel, dilation, sides, strict=True)]
    size = tuple(n + draw(st.integers(0, 6 - rank)) for n in least)
    return Problem(
        rank,
        draw(st.integers(0, 7)),
        draw(st.integers(1, 2)),
        draw(st.integers(1, 2)),
        draw(st.integers(1, 2)),
        size,
        kernel,
        stride,
        sides,
        dilation,
        draw(st.booleans()),
        draw(st.integers(0, 999)),
    )


def by_definition(problem: Problem, x: Tensor, weight: Tensor, *, tiles: int = 0) -> Tensor:
    """The sum that defines the family, one output at a time; `weight` has `tiles` axes in front."""
    p = problem
    x = F.pad(x, [n for side in reversed(p.sides) for n in side])
    out = x.new_zeros(x.shape[0], p.kernels * p.groups, *p.positions)
    for place in product(*map(range, p.positions)):
        own = weight[tuple(q % t for q, t in zip(place, weight.shape[:tiles], strict=False))] if tiles else weight
        own = own.flip(tuple(range(2, 2 + p.rank))) if p.flip else own
        reads = [
            slice(q * s, q * s + d * (k - 1) + 1, d)
            for q, s, d, k in zip(place, p.stride, p.dilation, p.kernel, strict=True)
        ]
        window = x[(slice(None), slice(None), *reads)].unflatten(1, (p.groups, p.channels))
        sums = torch.einsum("ngc...,gkc...->ngk", window, own.unflatten(0, (p.groups, p.kernels)))
        out[(slice(None), slice(None), *place)] = sums.flatten(1)
    return out


def positions_of(problem: Problem, x: Tensor, weight: Tensor) -> Tensor:
    """The definition where there is one kernel for every position, or kernels take turns."""
    return by_definition(problem, x, weight, tiles=problem.rank)


def tiles_for(problem, turn):
    """As many kernels as `turn` says for each axis: few, as many as positions, or more."""
    return tuple(
        {0: 1, 1: 2, 2: p, 3: p + 1, 4: max(1, p - 1), 5: 3}[(turn + i) % 6] for i, p in enumerate(problem.positions)
    )


def geometry(problem, tiles):
    """A problem as the operators of unshared and tiled convolution are told it."""
    before, after = zip(*problem.sides, strict=True)
    p = problem
    return Geometry(p.size, p.kernel, tiles, p.stride, before, after, p.dilation, p.groups, p.flip)
