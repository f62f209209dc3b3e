"""Which algorithm computes a convolution, and why.

What is forced comes first, then what was measured, then what is estimated. Nothing is timed here.
"""

import atexit
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import torch

from striate.engine.by_onednn import reaches_beyond
from striate.engine.choice import NOT_OURS, TORCH, Choice, chosen
from striate.engine.estimate import seconds, torch_seconds
from striate.engine.isa import isa
from striate.engine.limits import Limits, limits
from striate.engine.parts import parts
from striate.engine.problem import Problem
from striate.engine.table import table
from striate.engine.wisdom import preferred, recall
from striate.errors import OptionError, StriateError

__all__ = ["Candidate", "Plan", "deciding", "explain", "explain_candidates", "forget", "plan", "planned", "remembered"]


_ONLY_OURS: Final = "only reproducible algorithms are asked for"


@dataclass(frozen=True)
class Candidate:
    """One algorithm, before one problem.

    Args:
        algorithm: Its name.
        seconds: What it is expected to take; None if it declines.
        declined: Why.
    """

    algorithm: str
    seconds: float | None
    declined: str = ""


@dataclass(frozen=True)
class Plan:
    """What was decided.

    Args:
        problem: The convolution.
        threads: That share it.
        algorithm: Which one runs.
        how: "forced", "measured", "locked" or "estimated".
        candidates: All of them, in the order of the table.
    """

    problem: Problem
    threads: int
    algorithm: str
    how: str
    candidates: tuple[Candidate, ...]

    @property
    def place(self) -> int:
        """The algorithm's place in the direction's table; -1 for PyTorch's own."""
        names = table(self.problem.direction).names()
        return -1 if self.algorithm == TORCH else names.index(self.algorithm)

    def seconds_of(self, algorithm: str) -> float | None:
        """Give what an algorithm is expected to take; None if it declines."""
        return next((c.seconds for c in self.candidates if c.algorithm == algorithm), None)

    def __str__(self) -> str:
        """Write every candidate with its time or its reason, and the one chosen."""
        return explain_candidates(self.problem, self.threads, self.candidates, self.algorithm, self.how)


def plan(problem: Problem, *, threads: int | None = None) -> Plan:
    """Choose the algorithm, as `use`, `accuracy`, `reproducible` and `limit` ask.

    Args:
        problem: The convolution.
        threads: That share it; None: as many as `torch.get_num_threads()` says.

    Raises:
        OptionError: The algorithm that is forced cannot compute this; or STRIATE_ISA names a set that cannot be used.

    Example:
        >>> plan(Problem.of((8, 64, 56, 56), (64, 64, 3, 3), padding=(1, 1)), threads=1).algorithm
        'winograd-4x4'
    """
    isa()
    return planned(problem, threads or torch.get_num_threads(), chosen(), limits())


def explain(problem: Problem, *, threads: int | None = None) -> str:
    """Say what every algorithm makes of a problem, and which one is chosen; see `plan`.

    Example:
        >>> print(explain(Problem.of((1, 8, 8, 8), (8, 8, 3, 3)), threads=1).splitlines()[0])  # doctest: +ELLIPSIS
        forward  N=1 C=8 H=8 W=8  K=8 R=3 S=3  ...  1 thread, ...
    """
    return str(plan(problem, threads=threads))


def explain_candidates(problem: object, threads: int, candidates: Sequence[Candidate], algorithm: str, how: str) -> str:
    """Write candidates, each with its time or its reason, and how one was chosen."""
    lines = [f"{problem}  {threads} thread{'s' * (threads > 1)}, {isa()}"]
    width = max(len(c.algorithm) for c in candidates)
    for c in candidates:
        said = f"declines: {c.declined}" if c.seconds is None else f"{c.seconds * 1e3:9.3f} ms"
        lines.append(f"  {c.algorithm:<{width}}  {said}" + f"  <- {how}" * (c.algorithm == algorithm))
    return "\n".join(lines)


def remembered(problem: Problem, threads: int, able: Mapping[str, float]) -> tuple[str, str]:
    """Name the algorithm that was found fastest for a problem when it was measured, and say how that is known.

    Args:
        problem: The convolution.
        threads: That share it.
        able: The candidates, with the seconds they are estimated to take.

    Returns:
        Both empty if nothing was measured.
    """
    found = recall(problem, threads=threads)
    algorithm = preferred(found.seconds, able) if found else ""
    return algorithm, "measured" if algorithm else ""


def _locked(problem: Problem, threads: int, able: Mapping[str, float], file: str) -> tuple[str, str]:
    """Name the algorithm as `remembered` does, if need be from one file; where there is a choice, there is no other."""
    found = recall(problem, threads=threads, only=Path(file) if file else None)
    algorithm = preferred(found.seconds, able) if found else ""
    if not algorithm and len(able.keys() - {"reference"}) > 1:
        raise StriateError(
            "conv2d: plans are locked, and nothing was measured of this problem with these kernels on this machine.",
            "Measure it: engine.tune(model, input_size, ...), or `striate tune`; or leave engine.locked().",
            problem=problem,
            threads=threads,
            file=file or "the user's, and the package's",
        )
    return algorithm, "locked" if algorithm else ""


def _known(problem: Problem, threads: int, able: Mapping[str, float], asked: Choice) -> tuple[str, str]:
    if asked.forced:
        return asked.forced, "forced"
    if asked.locked is not None:
        return _locked(problem, threads, able, asked.locked)
    return remembered(problem, threads, able)


def forget() -> None:
    """Plan every problem anew from here on: for whoever changes what `remembered` knows."""
    for clear in FORGET:
        clear()


@lru_cache(maxsize=4096)
def planned(problem: Problem, threads: int, asked: Choice, most: Limits) -> Plan:
    """Choose the algorithm for what is asked and allowed; see `plan`."""
    names = table(problem.direction).names()
    forced = asked.forced if asked.forced in (*names, TORCH) else ""
    asked = asked._replace(forced=forced)
    candidates = [_candidate(place, problem, threads, asked, most) for place in range(len(names))]
    candidates.append(_torch(problem, threads, asked))
    able = {c.algorithm: c.seconds for c in candidates if c.seconds is not None}
    if forced and forced not in able:
        raise OptionError(
            f"conv2d: algorithm {forced!r} cannot compute this.",
            f"Use one of: {', '.join(able)}; or leave the choice to the planner.",
            reason=next(c.declined for c in candidates if c.algorithm == forced),
            problem=problem,
        )
    asked_of, on = deciding(problem, threads, asked)
    weighed = able
    if not asked.torch:
        weighed = {name: seconds(names.index(name), asked_of, on) for name in able if name != TORCH}
    algorithm, how = _known(asked_of, on, weighed, asked)
    if not able:
        raise OptionError(
            "conv2d: every algorithm declines.",
            "Raise engine.limit(...), or allow PyTorch's own: leave engine.reproducible().",
            **{c.algorithm: c.declined for c in candidates},
            problem=problem,
        )
    if algorithm not in able:
        algorithm, how = min(weighed, key=weighed.__getitem__), "estimated"
    return Plan(problem, threads, algorithm, how, tuple(candidates))


FORGET: Final[list[Callable[[], None]]] = [planned.cache_clear, parts.cache_clear]
"""How to empty everything that keeps plans."""

# The core's objects in them have to go before the core itself does, or it warns on the way out.
atexit.register(forget)


def deciding(problem: Problem, threads: int, asked: Choice) -> tuple[Problem, int]:
    """Say which problem decides, on how many threads.

    Where only ours is asked for, that of one image on one thread: the choice must not depend on the batch or the
    threads, since bits depend on the choice. A weight's gradient sums over all images, and stays what it is.
    """
    if asked.torch:
        return problem, threads
    batch = problem.input[0] if problem.direction == "weight gradient" else 1
    alone = replace(problem, input=(batch, *problem.input[1:]), packed_anew=False)
    return alone, 1


def _candidate(place: int, problem: Problem, threads: int, asked: Choice, most: Limits) -> Candidate:
    of = table(problem.direction)
    name = of.names()[place]
    declined = of.refuses(place, problem)
    if not declined and asked.forced != name:
        declined = _unwanted(place, problem, threads, asked, most)
    return Candidate(name, None, declined) if declined else Candidate(name, seconds(place, problem, threads))


def _unwanted(place: int, problem: Problem, threads: int, asked: Choice, most: Limits) -> str:
    of = table(problem.direction)
    workspace, packed = of.workspace_bytes(place, problem, threads), of.packed_bytes(place, problem)
    reasons = {
        _ONLY_OURS: of.names()[place] in NOT_OURS and not asked.torch,
        f"it is not as exact as {asked.accuracy!r}": not asked.allows(of.names()[place]),
        f"its workspace of {workspace} bytes is over the limit": workspace > most.workspace_bytes,
        f"its packed weights of {packed} bytes are over the limit": packed > most.packed_bytes,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _torch(problem: Problem, threads: int, asked: Choice) -> Candidate:
    if problem.bias and reaches_beyond(problem) and asked.forced != TORCH:
        return Candidate(TORCH, None, "padding that reaches beyond the kernel may crash it")
    if asked.torch or asked.forced == TORCH:
        return Candidate(TORCH, torch_seconds(problem, threads))
    return Candidate(TORCH, None, _ONLY_OURS)
