"""Random poolings, and the samples under each of their windows: plain loops."""

from dataclasses import dataclass
from itertools import product

import torch
from hypothesis import strategies as st

from striate.ops.geometry import Window


@dataclass(frozen=True)
class Pool:
    """One pooling: its input's sizes and its settings."""

    rank: int
    batch: int
    size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: str | tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    ceil_mode: bool
    seed: int

    @property
    def window(self):
        return Window.of(
            "test",
            self.rank,
            kernel_size=self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
        )

    @property
    def steps(self):
        return {"kernel_size": self.kernel_size, "stride": self.stride, "padding": self.padding}

    def input(self):
        generator = torch.Generator().manual_seed(self.seed)
        return torch.randn(self.batch, 2, *self.size, dtype=torch.float64, generator=generator)

    def windows(self):
        """Every window: its place in the output, those of its taps inside the input, and how many count as samples.

        A tap counts unless it lies beyond the end of the padding.
        """
        sides, positions = self.window.sides(self.size), self.window.positions(self.size, ceil_mode=self.ceil_mode)
        for place in product(*map(range, positions)):
            rows = zip(place, self.stride, sides, self.kernel_size, self.dilation, strict=True)
            taps = [[p * s - b + i * d for i in range(k)] for p, s, (b, _), k, d in rows]
            inside = [[t for t in row if 0 <= t < n] for row, n in zip(taps, self.size, strict=True)]
            counted = 1
            for row, n, (_, after) in zip(taps, self.size, sides, strict=True):
                counted *= sum(t < n + after for t in row)
            yield place, list(product(*inside)), counted


@st.composite
def pools(draw, *, dilated=True):
    """Any sizes and settings at which at least one window fits, and none is empty."""
    rank = draw(st.integers(1, 3))

    def axes(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    kernel, stride, dilation = axes(1, 4), axes(1, 3), axes(1, 2 if dilated else 1)
    extent = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    sides = tuple((draw(st.integers(0, e // 2)), draw(st.integers(0, e // 2))) for e in extent)
    padding = draw(st.sampled_from([sides, sides, "valid", "same", "full"]))
    added = {"valid": [0] * rank, "same": extent, "full": [2 * e for e in extent], sides: [b + a for b, a in sides]}
    # A padded input may be thinner than the window, but taps must not step over it.
    least = [max(d, e - a) for d, e, a in zip(dilation, extent, added[padding], strict=True)]
    size = tuple(n + draw(st.integers(0, 5 - rank)) for n in least)
    return Pool(
        rank,
        draw(st.integers(0, 2)),
        size,
        kernel,
        stride,
        padding,
        dilation,
        draw(st.booleans()),
        draw(st.integers(0, 999)),
    )
