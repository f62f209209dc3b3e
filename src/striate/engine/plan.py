"""Which algorithm computes a convolution, and why.

`estimate` never times anything: each algorithm's file says how much work it makes of a problem, and this file what
PyTorch's own convolution makes of it.
"""

from dataclasses import dataclass
from functools import lru_cache

from striate.engine.choice import TORCH, Choice, chosen
from striate.engine.core import core
from striate.engine.problem import Problem
from striate.errors import OptionError

__all__ = ["Candidate", "Plan", "explain", "plan"]

# Multiply-adds that one thread does in a second, about: two vectors a cycle at 3 GHz. Only ratios decide.
_RATE_PER_LANE = 6e9
_LANES = {"avx512": 16, "avx2": 8, "neon": 4, "baseline": 4}


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
        how: Whether it was forced, or chosen by estimate.
        candidates: All of them, in the order of the table.
    """

    problem: Problem
    threads: int
    algorithm: str
    how: str
    candidates: tuple[Candidate, ...]

    @property
    def place(self) -> int:
        """The algorithm's place in the core's table; -1 for PyTorch's own."""
        names = core().algorithms()
        return names.index(self.algorithm) if self.algorithm in names else -1

    def __str__(self) -> str:
        """Write every candidate with its time or its reason, and the one chosen."""
        lines = [f"conv2d  {self.problem}  {self.threads} thread{'s' * (self.threads > 1)}, {core().chosen_isa()}"]
        width = max(len(c.algorithm) for c in self.candidates)
        for c in self.candidates:
            said = f"declined   {c.declined}" if c.seconds is None else f"{c.seconds * 1e3:9.3f} ms"
            lines.append(f"  {c.algorithm:<{width}}  {said}" + f"  <- {self.how}" * (c.algorithm == self.algorithm))
        return "\n".join(lines)


def plan(problem: Problem, *, threads: int) -> Plan:
    """Choose the algorithm, as `use`, `accuracy` and `reproducible` ask.

    Raises:
        OptionError: The algorithm that is forced cannot compute this.

    Example:
        >>> plan(Problem.of((1, 64, 56, 56), (64, 64, 3, 3), padding=(1, 1)), threads=1).algorithm
        'winograd-4x4'
    """
    return _planned(problem, threads, chosen())


def explain(problem: Problem, *, threads: int = 1) -> str:
    """Say what every algorithm makes of a problem, and which one is chosen."""
    return str(plan(problem, threads=threads))


@lru_cache(maxsize=4096)
def _planned(problem: Problem, threads: int, asked: Choice) -> Plan:
    candidates = tuple(
        _candidate(place, name, problem, threads, asked) for place, name in enumerate(core().algorithms())
    )
    own = _torch(problem, candidates) if asked.torch or asked.forced == TORCH else None
    candidates += (Candidate(TORCH, own, "" if own is not None else "only reproducible algorithms are asked for"),)
    able = {c.algorithm: c.seconds for c in candidates if c.seconds is not None}
    if asked.forced and asked.forced not in able:
        reasons = {c.algorithm: c.declined for c in candidates if c.algorithm == asked.forced}
        raise OptionError(
            f"conv2d: algorithm {asked.forced!r} cannot run this problem.",
            f"Use one of {', '.join(able)}; or leave the choice to the planner.",
            **reasons,
            problem=problem,
        )
    algorithm = asked.forced or min(able, key=able.__getitem__)
    return Plan(problem, threads, algorithm, "forced" if asked.forced else "chosen by estimate", candidates)


def _candidate(place: int, name: str, problem: Problem, threads: int, asked: Choice) -> Candidate:
    refusal = core().refuses(place, problem.handle)
    if refusal is None and asked.forced != name and not asked.allows(name):
        refusal = f"it is not as exact as {asked.accuracy!r}"
    if refusal is not None:
        return Candidate(name, None, refusal)
    rate = _RATE_PER_LANE * _LANES[core().chosen_isa() or "baseline"]
    return Candidate(name, core().cost(place, problem.handle, threads) / rate / threads)


def _torch(problem: Problem, ours: tuple[Candidate, ...]) -> float:
    """Estimate PyTorch's own convolution by our direct sums.

    It computes those as well, about as fast: a little slower where vectors are full, a little faster where there are
    few input channels, for which it has kernels that ours has not.
    """
    seconds = {c.algorithm: c.seconds for c in ours}
    direct = seconds["direct"] or 0.0
    if seconds["depthwise"] is not None:
        return 1.4 * seconds["depthwise"]
    few = problem.input[1] // problem.groups < 8
    return direct * (0.8 if few else 1.1)
