"""Timing ways to do the same work against each other, by turns: whatever disturbs the machine disturbs all of them."""

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["Finish", "race"]

TURNS: Final = 7  # at least; a median of fewer is luck
MOST_TURNS: Final = 25
PATIENCE_SECONDS: Final = 0.15  # for one race, once every runner has had its turns
SAMPLE_SECONDS: Final = 1e-4  # a sample shorter than this would time the clock
MOST_CALLS: Final = 1000
HOPELESS: Final = 2.0  # times as long as the best


@dataclass(frozen=True)
class Finish:
    """How a race ended.

    Args:
        seconds: The median of each, of one call.
        stopped: Those that were stopped after two samples, because they took more than twice as long as the best.
        turns: That the others had.
    """

    seconds: Mapping[str, float]
    stopped: tuple[str, ...]
    turns: int


def race(runners: Mapping[str, Callable[[], object]], *, clock: Callable[[], float] = time.perf_counter) -> Finish:
    """Time functions by turns, after each has run once.

    Args:
        runners: By name.
        clock: What tells the time, in seconds.

    Example:
        >>> race({"nothing": int, "much": lambda: sum(range(100_000))}).stopped
        ('much',)
    """
    calls = {name: _calls(_timed(run, 1, clock)) for name, run in runners.items()}
    samples: dict[str, list[float]] = {name: [] for name in runners}
    stopped: set[str] = set()
    began, turn = clock(), 0
    while turn < TURNS or (turn < MOST_TURNS and clock() - began < PATIENCE_SECONDS):
        for name, run in runners.items():
            if name not in stopped:
                samples[name].append(_timed(run, calls[name], clock) / calls[name])
        turn += 1
        fastest = {name: min(times) for name, times in samples.items()}
        if turn >= 2:  # one sample may have been disturbed
            stopped |= {name for name, time in fastest.items() if time > HOPELESS * min(fastest.values())}
    medians = {name: statistics.median(times) for name, times in samples.items()}
    return Finish(medians, tuple(name for name in runners if name in stopped), turn)


def _timed(run: Callable[[], object], calls: int, clock: Callable[[], float]) -> float:
    start = clock()
    for _ in range(calls):
        run()
    return clock() - start


def _calls(seconds: float) -> int:
    """Say how many calls make a sample."""
    return min(MOST_CALLS, math.ceil(SAMPLE_SECONDS / max(seconds, 1e-7)))
