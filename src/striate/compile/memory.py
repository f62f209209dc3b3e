"""One arena for all values of a program: each has its place from the step that first writes it to the last that reads.

Source: Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020, section 5.2: the largest
first, each into the smallest gap between those that live at the same time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from striate.compile.steps.step import Step, Value

__all__ = ["Arena", "Life", "arena"]

_LINE: Final = 16  # floats of a cache line


@dataclass(frozen=True)
class Life:
    """When memory is used.

    Args:
        floats: How much.
        first: The step that writes it first.
        last: The last that reads it, or writes it.
    """

    floats: int
    first: int
    last: int

    def meets(self, other: "Life") -> bool:
        """Tell whether both are used at one time.

        Example:
            >>> Life(8, 0, 1).meets(Life(8, 1, 2)), Life(8, 0, 1).meets(Life(8, 2, 3))
            (True, False)
        """
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Arena:
    """Where values lie.

    Args:
        places: Floats from the beginning, of every value that has memory of its own.
        floats: That it has.
        least: The most floats that are used at one time: no arena is smaller.
    """

    places: Mapping[Value, int]
    floats: int
    least: int


def arena(steps: Sequence[Step]) -> Arena:
    """Give every value that a program writes a place, but for those that lie outside of it.

    A step that may write over what it reads, and is the last to read it, does.

    Args:
        steps: In the order in which they run.

    Example:
        >>> x, y, z = (Value(name, (1, 16), (1, 16, 1, 1)) for name in "xyz")
        >>> chain = [Step("y", "", (x,), y, lambda *_: None), Step("z", "", (y,), z, lambda *_: None, over=(y,))]
        >>> arena(chain).floats
        32
    """
    lives = _lives(steps)
    same = _written_over(steps, lives)
    shared: dict[Value, Life] = {}
    for value, life in lives.items():
        keeper = _keeper(value, same)
        known = shared.get(keeper, life)
        first, last = min(known.first, life.first), max(known.last, life.last)
        shared[keeper] = Life(max(known.floats, life.floats), first, last)
    places, floats = _placed(shared)
    most = max((_used(shared.values(), step) for step in range(len(steps))), default=0)
    return Arena({value: places[_keeper(value, same)] for value in lives}, floats, most)


def _lives(steps: Sequence[Step]) -> dict[Value, Life]:
    found: dict[Value, Life] = {}
    for number, step in enumerate(steps):
        for value in (*step.reads, step.writes):
            root = value.root
            if not root.door:
                known = found.get(root)
                floats = -(-root.floats // _LINE) * _LINE
                found[root] = Life(floats, known.first if known else number, number)
    return found


def _written_over(steps: Sequence[Step], lives: Mapping[Value, Life]) -> dict[Value, Value]:
    """Say whose memory a value takes over."""
    same: dict[Value, Value] = {}
    for number, step in enumerate(steps):
        to = step.writes
        for value in step.over:
            ends = not value.root.door and lives[value.root].last == number
            begins = not to.root.door and lives[to.root].first == number
            if ends and begins and to is to.root and value is value.root and to.floats == value.floats:
                same[to] = value
                break
    return same


def _keeper(value: Value, same: Mapping[Value, Value]) -> Value:
    while value in same:
        value = same[value]
    return value


def _placed(lives: Mapping[Value, Life]) -> tuple[dict[Value, int], int]:
    places: dict[Value, int] = {}
    for value, life in sorted(lives.items(), key=lambda item: -item[1].floats):
        taken = sorted((places[other], lives[other].floats) for other in places if lives[other].meets(life))
        places[value] = _gap(taken, life.floats)
    return places, max((places[value] + lives[value].floats for value in places), default=0)


def _gap(taken: Sequence[tuple[int, int]], floats: int) -> int:
    """Find the smallest gap that is large enough, or the end."""
    best, end = None, 0
    for begin, size in taken:
        if begin - end >= floats and (best is None or begin - end < best[0]):
            best = (begin - end, end)
        end = max(end, begin + size)
    return end if best is None else best[1]


def _used(lives: Iterable[Life], step: int) -> int:
    return sum(life.floats for life in lives if life.first <= step <= life.last)
