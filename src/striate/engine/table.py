"""The tables of algorithms, for every direction: what each makes of a problem. The core's, then Fourier transforms.

An input gradient has the table of the forward pass, since it is convolutions: an algorithm has to take all of them.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from striate.engine import by_fourier
from striate.engine.core import core
from striate.engine.parts import parts
from striate.engine.problem import Direction, Problem

__all__ = ["TABLES", "Table", "table"]

_FLOAT_BYTES: Final = 4


class Table(NamedTuple):
    """What is asked of the algorithms of one direction; an algorithm goes by its place.

    Args:
        names: In order: the core's, best guess first, the reference last; behind them Fourier transforms.
        refuses: Why it cannot compute a problem; "" if it can.
        work: What it takes on so many threads, in the time that a thread takes to multiply and add.
        workspace_bytes: What it keeps while it runs on so many threads.
        packed_bytes: What the weights take in the form that it reads.
    """

    names: Callable[[], list[str]]
    refuses: Callable[[int, Problem], str]
    work: Callable[[int, Problem, int], float]
    workspace_bytes: Callable[[int, Problem, int], int]
    packed_bytes: Callable[[int, Problem], int]


def table(direction: Direction) -> Table:
    """Give the table of a direction.

    Example:
        >>> table("forward").names()[-1]
        'fft'
    """
    return TABLES[direction]


def _handles(problem: Problem) -> list[Any]:
    return [part.problem.handle for part in parts(problem) if part.problem is not None]


# Parts write their places alone, and what is in none is set to zero.
_APART: Final = 50.0  # multiply-adds' worth, a number


def _input_gradient_work(place: int, problem: Problem, threads: int) -> float:
    handles = _handles(problem)
    n, c, h, w = problem.input
    apart = _APART * n * c * h * w if len(parts(problem)) > 1 else 0.0
    return apart + sum(core().cost(place, handle, threads) for handle in handles)


def _with_fourier(of: Table) -> Table:
    """Put Fourier transforms behind the core's algorithms."""

    def ours(place: int) -> bool:
        return place == len(of.names())

    return Table(
        names=lambda: [*of.names(), by_fourier.FFT],
        refuses=lambda place, problem: by_fourier.refuses(problem) if ours(place) else of.refuses(place, problem),
        work=lambda place, problem, threads: (
            by_fourier.work(problem) if ours(place) else of.work(place, problem, threads)
        ),
        workspace_bytes=lambda place, problem, threads: (
            by_fourier.workspace_bytes(problem, threads) if ours(place) else of.workspace_bytes(place, problem, threads)
        ),
        packed_bytes=lambda place, problem: (
            by_fourier.packed_bytes(problem) if ours(place) else of.packed_bytes(place, problem)
        ),
    )


_CORE: Final[dict[Direction, Table]] = {
    "forward": Table(
        names=lambda: core().algorithms(),
        refuses=lambda place, problem: core().refuses(place, problem.handle) or "",
        work=lambda place, problem, threads: core().cost(place, problem.handle, threads),
        workspace_bytes=lambda place, problem, threads: core().workspace_bytes(place, problem.handle, threads),
        packed_bytes=lambda place, problem: _FLOAT_BYTES * core().prepared_floats(place, problem.handle),
    ),
    "input gradient": Table(
        names=lambda: core().algorithms(),
        refuses=lambda place, problem: next(filter(None, (core().refuses(place, h) for h in _handles(problem))), ""),
        work=_input_gradient_work,
        workspace_bytes=lambda place, problem, threads: max(
            (core().workspace_bytes(place, handle, threads) for handle in _handles(problem)), default=0
        ),
        packed_bytes=lambda place, problem: (
            _FLOAT_BYTES * sum(core().prepared_floats(place, handle) for handle in _handles(problem))
        ),
    ),
    "weight gradient": Table(
        names=lambda: core().weight_gradients(),
        refuses=lambda place, problem: core().weight_gradient_refuses(place, problem.handle) or "",
        work=lambda place, problem, threads: core().weight_gradient_cost(place, problem.handle, threads),
        workspace_bytes=lambda place, problem, threads: core().weight_gradient_workspace_bytes(
            place, problem.handle, threads
        ),
        packed_bytes=lambda place, problem: 0,
    ),
}

TABLES: Final = {direction: _with_fourier(of) for direction, of in _CORE.items()}
