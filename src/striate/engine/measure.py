"""Measuring the algorithms that could compute a problem, each as it runs in a network: with weights that are cold.

The candidates are those that the estimate thinks best, and PyTorch's own; never the reference. They read many weights
in turn, together more than the last-level cache holds: in a network the weights of a layer have left the caches since
its last call, and an algorithm whose weights are smaller is then ahead of one that only seemed faster.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import cycle
from typing import Final

import torch
from torch import Tensor
from torch.autograd.graph import increment_version

from striate.engine.choice import TORCH, chosen
from striate.engine.convolve import Call
from striate.engine.limits import limits
from striate.engine.machine import machine
from striate.engine.packed import Form, packed
from striate.engine.plan import planned
from striate.engine.problem import Problem
from striate.engine.race import race
from striate.engine.table import table
from striate.engine.wisdom import Remembered

__all__ = ["candidates", "measure"]

MOST_OWN: Final = 3  # of our algorithms; PyTorch's comes on top
MOST_COPIES: Final = 256
MOST_COPIES_BYTES: Final = 128 * 2**20
MEMORY_PART: Final = 1 / 16  # of the machine's, that the copies may fill


def measure(problem: Problem, *, threads: int | None = None) -> Remembered:
    """Time the candidates of a problem by turns. Nothing is remembered yet; numbers are drawn.

    Args:
        problem: What is computed.
        threads: That share the work; None for as many as torch uses now.

    Raises:
        OptionError: No algorithm can compute it, as `accuracy`, `reproducible` and `limit` ask.
    """
    threads = threads or torch.get_num_threads()
    names = candidates(problem, threads)
    with _threads(threads), torch.no_grad():
        runners = _runners(problem, threads, names)
        finish = race(runners)
    return Remembered(str(problem), threads, dict(finish.seconds), finish.turns)


def candidates(problem: Problem, threads: int) -> list[str]:
    """Name those that are worth measuring, the one first that the estimate chooses.

    Example:
        >>> problem = Problem.of((1, 64, 56, 56), (64, 64, 3, 3), padding=(1, 1))
        >>> "torch" in candidates(problem, 1), "reference" in candidates(problem, 1)
        (True, False)
    """
    asked = chosen()._replace(forced="", locked=None)
    plan = planned(problem, threads, asked, limits())
    able = {c.algorithm: c.seconds for c in plan.candidates if c.seconds is not None}
    ranked = sorted(able, key=able.__getitem__)
    own = [name for name in ranked if name not in ("reference", TORCH)][:MOST_OWN]
    return [name for name in ranked if name in own or name == TORCH] or ranked[:1]


def _runners(problem: Problem, threads: int, names: list[str]) -> dict[str, Callable[[], object]]:
    generator = torch.Generator().manual_seed(0)
    layout = torch.channels_last if problem.channels_last else torch.contiguous_format

    def drawn(*shape: int) -> Tensor:
        found = torch.randn(shape, generator=generator, dtype=problem.dtype)
        return found.contiguous(memory_format=layout)

    x, gradient = drawn(*problem.input), drawn(*problem.output)
    weight = drawn(*problem.weight)  # as `model.to(memory_format=...)` lays them
    weights = [weight.clone() for _ in range(_copies(problem, names))]
    bias = torch.randn(problem.kernels[0], generator=generator, dtype=problem.dtype) if problem.bias else None
    residual = gradient if problem.residual else None

    def runner(call: Call) -> Callable[[], object]:
        turn = cycle(weights)

        def changed() -> Tensor:
            weight = next(turn)
            if problem.packed_anew:
                increment_version(weight)
            return weight

        return {
            "forward": lambda: call.forward(x, changed(), bias, residual),
            "input gradient": lambda: call.gradients(gradient, x, next(turn), (True, False)),
            "weight gradient": lambda: call.gradients(gradient, x, weight, (False, True)),
        }[problem.direction]

    calls = {name: _call(problem, threads, name) for name in names}
    for call in calls.values():
        for form in _forms(call, problem):
            for copy in weights:
                packed(copy, form, threads)
    return {name: runner(call) for name, call in calls.items()}


def _call(problem: Problem, threads: int, name: str) -> Call:
    """Bind a problem to an algorithm. One that computes a gradient may not be able to compute the output."""
    asked = chosen()._replace(forced=name)
    if problem.direction == "forward":
        return Call(problem, threads, asked, limits())
    call = Call(problem.turned("forward"), threads, asked._replace(forced=TORCH), limits())
    call._asked = asked  # gradients are planned when they are first computed
    return call


def _forms(call: Call, problem: Problem) -> list[Form]:
    """List what the algorithm reads of a weight: nothing for the weight's gradient, or where it is PyTorch's."""
    if problem.direction == "forward":
        return [] if call._forward is None else [call._forward.form]
    if problem.direction == "input gradient":
        return [run.form for _, run in call._backward or () if run is not None]
    return []


def _copies(problem: Problem, names: list[str]) -> int:
    """Say how many weights it takes so that none is still in a cache when its turn comes again."""
    if problem.direction == "weight gradient":
        return 1
    of, found = table(problem.direction), machine()
    packed = [of.packed_bytes(place, problem) for place, name in enumerate(of.names()) if name in names]
    each = problem.dtype.itemsize * torch.Size(problem.weight).numel() + sum(packed)
    last = max((cache.size_bytes for cache in found.caches), default=MOST_COPIES_BYTES)
    most = min(
        2 * last, MOST_COPIES_BYTES, limits().packed_bytes // 2, int((found.memory_bytes or 2**32) * MEMORY_PART)
    )
    return max(1, min(MOST_COPIES, most // each))


@contextmanager
def _threads(count: int) -> Generator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
