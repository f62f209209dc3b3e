"""The tables of algorithms, for every direction: what each makes of a problem. The core's first, then all others.

An input gradient has the table of the forward pass, since it is convolutions: an algorithm has to take all of them.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from striate.engine import by_fourier, by_onednn
from striate.engine.by_fourier import FFT
from striate.engine.by_onednn import ONEDNN
from striate.engine.core import core
from striate.engine.parts import parts
from striate.engine.problem import Direction, Problem

__all__ = ["TABLES", "Table", "table"]


class Table(NamedTuple):
    """What is asked of the algorithms of one direction; an algorithm goes by its place.

    Args:
        names: In order: the core's, best guess first, the reference last; behind them Fourier transforms, and forward
            oneDNN with packed weights.
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
        >>> table("forward").names()[-2:]
        ['fft', 'onednn']
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


class _Other(NamedTuple):
    """An algorithm that is not the core's. Its work says less of its time: see `estimate`."""

    name: str
    refuses: Callable[[Problem], str]
    work: Callable[[Problem], float]
    workspace_bytes: Callable[[Problem, int], int]
    packed_bytes: Callable[[Problem], int]


_FOURIER: Final = _Other(FFT, by_fourier.refuses, by_fourier.work, by_fourier.workspace_bytes, by_fourier.packed_bytes)
_ONEDNN: Final = _Other(ONEDNN, by_onednn.refuses, by_onednn.work, by_onednn.workspace_bytes, by_onednn.packed_bytes)


def _with(of: Table, other: _Other) -> Table:
    """Put another algorithm behind those of a table."""

    def others(place: int) -> bool:
        return place == len(of.names())

    return Table(
        names=lambda: [*of.names(), other.name],
        refuses=lambda place, problem: other.refuses(problem) if others(place) else of.refuses(place, problem),
        work=lambda place, problem, threads: other.work(problem) if others(place) else of.work(place, problem, threads),
        workspace_bytes=lambda place, problem, threads: (
            other.workspace_bytes(problem, threads) if others(place) else of.workspace_bytes(place, problem, threads)
        ),
        packed_bytes=lambda place, problem: (
            other.packed_bytes(problem) if others(place) else of.packed_bytes(place, problem)
        ),
    )


_CORE: Final[dict[Direction, Table]] = {
    "forward": Table(
        names=lambda: core().algorithms(),
        refuses=lambda place, problem: core().refuses(place, problem.handle) or "",
        work=lambda place, problem, threads: core().cost(place, problem.handle, threads),
        workspace_bytes=lambda place, problem, threads: core().workspace_bytes(place, problem.handle, threads),
        packed_bytes=lambda place, problem: problem.dtype.itemsize * core().prepared_numbers(place, problem.handle),
    ),
    "input gradient": Table(
        names=lambda: core().algorithms(),
        refuses=lambda place, problem: next(filter(None, (core().refuses(place, h) for h in _handles(problem))), ""),
        work=_input_gradient_work,
        workspace_bytes=lambda place, problem, threads: max(
            (core().workspace_bytes(place, handle, threads) for handle in _handles(problem)), default=0
        ),
        packed_bytes=lambda place, problem: (
            problem.dtype.itemsize * sum(core().prepared_numbers(place, handle) for handle in _handles(problem))
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

TABLES: Final = {direction: _with(of, _FOURIER) for direction, of in _CORE.items()}
TABLES["forward"] = _with(TABLES["forward"], _ONEDNN)
