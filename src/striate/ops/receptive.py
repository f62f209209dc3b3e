"""Receptive fields: which input samples each position of a network sees.

A receptive field is followed one axis at a time. `Reach` says which input samples each position sees; `grow` carries
it through a window that slides (convolution, pooling, padding, slicing), `spread` through a transposed convolution,
`resample` through any other periodic rule, and `union` joins branches.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, inf, lcm
from typing import TypeAlias

__all__ = ["Reach", "Sample", "gather", "grow", "resample", "spread", "union"]

# A position of the input; infinite where nothing is seen.
Sample: TypeAlias = int | float


@dataclass(frozen=True)
class Reach:
    """Which input samples each position along one axis sees, the border ignored.

    Position `p` sees the samples `first[i] + t * jump` to `last[i] + t * jump`, where `t, i = divmod(p, len(first))`:
    one entry for every phase of a pattern that repeats. There is one phase until something upsamples. A position that
    sees nothing (between the taps of a transposed convolution) has `first` above `last`.

    Args:
        first: The first sample seen, by phase.
        last: The last sample seen, by phase.
        jump: Input samples from one repetition of the pattern to the next; 0 where every position sees the same.

    Example:
        >>> image = Reach()  # every position sees itself
        >>> grow(grow(image, 5), 2, stride=2)
        Reach(first=(0,), last=(5,), jump=2)
    """

    first: tuple[Sample, ...] = (0,)
    last: tuple[Sample, ...] = (0,)
    jump: int = 1

    @property
    def size(self) -> int:
        """The extent of the receptive field in input samples, at the position where it is largest."""
        return int(max(0, *(last - first + 1 for first, last in zip(self.first, self.last, strict=True))))

    @property
    def rate(self) -> Fraction:
        """Input samples from one position to the next, on average."""
        return Fraction(self.jump, len(self.first))

    def at(self, position: int) -> tuple[Sample, Sample]:
        """Give the first and the last input sample that `position` sees."""
        turns, phase = divmod(position, len(self.first))
        return self.first[phase] + turns * self.jump, self.last[phase] + turns * self.jump

    def covers(self, extent: int) -> bool:
        """Whether every position sees all `extent` samples of the input."""
        return self.jump == 0 and max(self.first) <= 0 and min(self.last) >= extent - 1


def grow(reach: Reach, kernel: int, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Reach:
    """Follow a window that slides: convolution, pooling, padding (`kernel=1`), slicing (`padding=-start`).

    >>> grow(Reach(), 3, stride=2, padding=1).size
    3
    >>> grow(grow(Reach(), 3, stride=2), 3, dilation=2).size
    11
    """
    return resample(
        reach, lambda p: (p * stride - padding + r * dilation for r in range(kernel)), period=1, advance=stride
    )


def spread(reach: Reach, kernel: int, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Reach:
    """Follow a transposed convolution: position `q` reads `(q + padding - r * dilation) / stride` where that is whole.

    >>> spread(grow(Reach(), 3, stride=2), 2, stride=2).size
    3
    """

    def taps(q: int) -> Iterable[int]:
        for r in range(kernel):
            tap, rest = divmod(q + padding - r * dilation, stride)
            if rest == 0:
                yield tap

    return resample(reach, taps, period=stride, advance=1)


def resample(reach: Reach, taps: Callable[[int], Iterable[int]], *, period: int, advance: int) -> Reach:
    """Follow any rule by which position `p` reads the positions `taps(p)`.

    Args:
        reach: What the positions that are read see.
        taps: The rule; `taps(p + period)` must be `taps(p)`, each `advance` further on.
        period: Positions after which the rule repeats.
        advance: Positions it has moved on by then.

    Example:
        >>> doubled = resample(Reach(), lambda q: [q // 2], period=2, advance=1)
        >>> doubled.first, grow(doubled, 3).size
        ((0, 0), 2)
    """
    phases = len(reach.first)
    repeats = phases // gcd(phases, advance)
    seen = [[reach.at(tap) for tap in taps(p)] for p in range(period * repeats)]
    return Reach(
        tuple(min((first for first, _ in taken), default=inf) for taken in seen),
        tuple(max((last for _, last in taken), default=-inf) for taken in seen),
        reach.jump * advance * repeats // phases,
    )


def union(*reaches: Reach) -> Reach:
    """Join branches that meet position by position; they must move at one `rate`.

    >>> union(Reach(), grow(grow(Reach(), 3, padding=1), 3, padding=1)).size
    5
    """
    phases = lcm(*(len(reach.first) for reach in reaches))
    seen = [[reach.at(p) for reach in reaches] for p in range(phases)]
    return Reach(
        tuple(min(first for first, _ in taken) for taken in seen),
        tuple(max(last for _, last in taken) for taken in seen),
        reaches[0].jump * phases // len(reaches[0].first),
    )


def gather(reach: Reach, positions: int, extent: int) -> Reach:
    """Follow something that mixes all `positions` of the axis: a linear layer, global pooling, attention.

    The result stands still (its `jump` is 0) and ends at the border of the input, which is `extent` samples long.

    >>> gather(grow(Reach(), 3, padding=1), 32, 32)
    Reach(first=(0,), last=(31,), jump=0)
    """
    seen = [reach.at(p) for p in range(positions)]
    first, last = min(first for first, _ in seen), max(last for _, last in seen)
    return Reach((max(first, 0),), (min(last, extent - 1),), 0)
