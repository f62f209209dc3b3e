"""Which way a convolution along one axis or three goes, and why: slice by slice, by Fourier transforms, or PyTorch's.

As in two dimensions each direction is planned by itself. Nothing is measured of these: estimates decide.
"""

from functools import lru_cache
from math import inf, prod
from typing import Final

import torch

from striate.engine.by_fourier import FFT
from striate.engine.choice import TORCH, Choice, chosen
from striate.engine.estimate import fourier_seconds, torch_seconds_of
from striate.engine.fourier import Fourier
from striate.engine.isa import isa
from striate.engine.limits import Limits, limits
from striate.engine.plan import FORGET, Candidate, explain_candidates
from striate.engine.plan import explain as explain_images
from striate.engine.problem import Direction, Problem
from striate.engine.slices import Slices
from striate.engine.volume import VolumeProblem
from striate.errors import OptionError

__all__ = ["SLICES", "explain", "fourier_of", "planned_volume", "slices_of"]

SLICES: Final = "slices"

_OTHER: Final = "another algorithm is asked for"


def explain(problem: Problem | VolumeProblem, *, threads: int | None = None) -> str:
    """Say what every algorithm makes of a problem, and which one is chosen; see `plan`.

    Args:
        problem: The convolution.
        threads: That share it; None: as many as `torch.get_num_threads()` says.

    Raises:
        OptionError: The algorithm that is forced cannot compute this; or STRIATE_ISA names a set that cannot be used.

    Example:
        >>> print(explain(Problem.of((1, 8, 8, 8), (8, 8, 3, 3)), threads=1).splitlines()[0])  # doctest: +ELLIPSIS
        forward  N=1 C=8 H=8 W=8  K=8 R=3 S=3  ...  1 thread, ...
        >>> volume = VolumeProblem.of((1, 32, 16, 56, 56), (32, 1, 3, 3, 3), padding=1, groups=32)
        >>> [line.split()[0] for line in explain(volume, threads=1).splitlines()[1:]]
        ['slices', 'fft', 'torch']
    """
    if isinstance(problem, Problem):
        return explain_images(problem, threads=threads)
    isa()
    threads = threads or torch.get_num_threads()
    algorithm, how, candidates = planned_volume(problem, threads, chosen(), limits())
    return explain_candidates(problem, threads, candidates, algorithm, how)


@lru_cache(maxsize=4096)
def planned_volume(
    problem: VolumeProblem, threads: int, asked: Choice, most: Limits
) -> tuple[str, str, tuple[Candidate, ...]]:
    """Choose the way for what is asked and allowed: its name, how it was chosen, and all candidates.

    Where measured times alone are to decide, it is PyTorch's: there are none.

    Raises:
        OptionError: Every algorithm declines, or the one that is forced does.
    """
    if asked.locked is not None and not asked.forced:
        asked = asked._replace(forced=TORCH)
    candidates = (
        _candidate(SLICES, _slices(problem, threads, asked, most)),
        _candidate(FFT, _fft(problem, threads, asked, most)),
        _candidate(TORCH, _torch(problem, threads, asked)),
    )
    able = {c.algorithm: c.seconds for c in candidates if c.seconds is not None}
    if asked.forced == FFT and not able:
        raise OptionError(
            "conv: algorithm 'fft' cannot compute this.",
            "Leave the choice to the planner.",
            reason=candidates[1].declined,
            input=problem.input,
            weight=problem.weight,
        )
    if not able:
        raise OptionError(
            "conv: every algorithm declines, and PyTorch's own is left out.",
            "Raise engine.limit, or compute it outside of engine.reproducible().",
            input=problem.input,
            weight=problem.weight,
        )
    return min(able, key=able.__getitem__), "forced" if asked.forced else "estimated", candidates


FORGET.append(planned_volume.cache_clear)


def slices_of(problem: VolumeProblem, threads: int, asked: Choice, most: Limits) -> Slices:
    """Give the convolution slice by slice."""
    sizes = (problem.input, problem.weight, problem.stride, problem.sides, problem.dilation, problem.groups)
    return Slices(*sizes, problem.channels_last, threads, asked, most, problem.dtype)


def fourier_of(problem: VolumeProblem) -> Fourier:
    """Give the convolution by transforms, whatever the direction."""
    return Fourier(problem.input, problem.weight, problem.sides, problem.dilation, problem.groups, problem.dtype)


def _candidate(algorithm: str, found: float | str) -> Candidate:
    return Candidate(algorithm, None, found) if isinstance(found, str) else Candidate(algorithm, found)


def _slices(problem: VolumeProblem, threads: int, asked: Choice, most: Limits) -> float | str:
    if asked.forced in (FFT, TORCH):
        return _OTHER
    seconds = slices_of(problem, threads, asked, most).seconds(problem.direction)
    return "every algorithm of images declines" if seconds == inf else seconds


def _fft(problem: VolumeProblem, threads: int, asked: Choice, most: Limits) -> float | str:
    if max(problem.stride) > 1:
        return "its stride is not 1"
    back, of_weight = problem.direction == "input gradient", problem.direction == "weight gradient"
    of = fourier_of(problem).turned if back else fourier_of(problem)
    reasons = {
        _OTHER: lambda: bool(asked.forced),
        f"it is not as exact as {asked.accuracy!r}": lambda: not asked.allows(FFT),
        "its workspace is over the limit": lambda: (
            of.workspace_bytes(threads, of_weight=of_weight) > most.workspace_bytes
        ),
        "its packed weights are over the limit": lambda: of.dtype.itemsize * of.prepared > most.packed_bytes,
    }
    declined = "" if asked.forced == FFT else next((reason for reason, holds in reasons.items() if holds()), "")
    again = problem.packed_anew or back
    return declined or fourier_seconds(of, threads, of_weight=of_weight, again=again)


def _torch(problem: VolumeProblem, threads: int, asked: Choice) -> float | str:
    if asked.forced and asked.forced != TORCH:
        return _OTHER
    if not asked.torch and asked.forced != TORCH:
        return "only reproducible algorithms are asked for"
    sizes = (prod(problem.input), prod(problem.output))
    of: tuple[Direction, torch.dtype] = problem.direction, problem.dtype
    return torch_seconds_of(problem.weight, problem.groups, sizes, threads, last=problem.channels_last, of=of)
