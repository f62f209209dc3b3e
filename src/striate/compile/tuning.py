"""Measuring which algorithms a program runs fastest by: in the program itself, where weights have left the caches.

Every convolution has its turn with each of its candidates, all of them in one run of the whole program: what comes
before has then pushed its weights out, as it will again.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import torch
from jaxtyping import Float32
from torch import Tensor

from striate.compile.part import Part
from striate.compile.plan import Plan
from striate.compile.program import Program, sizes_of

__all__ = ["tune", "tuned"]

_MOST: Final = 3  # candidates of a convolution
_LEAST_TURNS: Final = 3
_WORTH: Final = 0.97  # of the time, before another algorithm is taken: less is luck


def tune(
    program: Program,
    inputs: Sequence[Float32[Tensor, "..."]],
    seconds: float,
    *,
    told: Callable[[float], None] | None = None,
) -> dict[str, str]:
    """Measure the candidates of every convolution, and plan anew by those that were fastest.

    Bits then depend on what was measured, as ever not on the batch or the threads.

    Args:
        program: What is changed; nobody else may run it meanwhile.
        inputs: Of the size that it is to be fast for; on as many threads as PyTorch uses now.
        seconds: About how long to measure.
        told: Called now and then with the part of the time that is over.

    Returns:
        Algorithms by the names of convolutions, where they are not the ones that were expected to be fastest.
    """
    values: dict[str, Tensor] = dict(zip(program.graph.inputs, inputs, strict=True))
    parts = [part for _, part in program.pieces if isinstance(part, Part)]
    found: dict[str, str] = {}
    told = told or (lambda done: None)
    with torch.no_grad():
        for piece in program.pieces:
            graph, part = piece
            if isinstance(part, Part):
                done, given = parts.index(part), [values[name] for name in graph.inputs]
                wanted = tuned(part, given, seconds / len(parts), told=lambda now, n=done: told((n + now) / len(parts)))
                part.replan(wanted)
                found |= wanted
            values.update(piece.run(values, sizes_of(inputs)))
    return found


def tuned(
    part: Part,
    inputs: Sequence[Float32[Tensor, "..."]],
    seconds: float,
    *,
    told: Callable[[float], None] = lambda done: None,
) -> dict[str, str]:
    """Measure the candidates of the convolutions of one part; it is left as it is.

    Args:
        part: Which.
        inputs: Its own.
        seconds: About how long.
        told: Called with the part of the time that is over.
    """
    inputs = part.laid(inputs)
    usual = Part(part.graph, part.choice)
    first = usual.plan_for(inputs)
    candidates = {step.name: step.others[:_MOST] for step in first.lowered.steps if len(step.others) > 1}
    plans = [first]
    for rank in range(1, max(map(len, candidates.values()), default=0)):
        other = Part(part.graph, part.choice, _of_rank(first, candidates, rank))
        plans.append(other.plan_for(inputs))
    times = _measured(plans, inputs, seconds, told)
    return _fastest(plans, times, candidates)


def _of_rank(first: Plan, candidates: Mapping[str, Sequence[str]], rank: int) -> dict[str, str]:
    """Give each convolution another candidate than the first plan's; those that have no more keep that."""
    usual = {step.name: step.algorithm for step in first.lowered.steps if step.algorithm}
    others = {name: [each for each in names if each != usual[name]] for name, names in candidates.items()}
    return {name: names[rank - 1] for name, names in others.items() if rank <= len(names)}


def _measured(
    plans: Sequence[Plan], inputs: Sequence[Tensor], seconds: float, told: Callable[[float], None]
) -> list[dict[str, float]]:
    """Run the plans by turns; give the median of every convolution in each."""
    samples: list[list[Tensor]] = [[] for _ in plans]
    began, turn = time.perf_counter(), 0
    while turn <= _LEAST_TURNS or time.perf_counter() - began < seconds:
        for plan, taken in zip(plans, samples, strict=True):
            one = torch.zeros(len(plan.lowered.steps), dtype=torch.float64)
            plan.run(inputs, one)
            if turn:  # the first runs find their memory
                taken.append(one)
        turn += 1
        told(min(1.0, (time.perf_counter() - began) / max(seconds, 1e-9)))
    told(1.0)
    return [
        {
            step.name: statistics.median(float(one[place]) for one in taken)
            for place, step in enumerate(plan.lowered.steps)
            if step.algorithm
        }
        for plan, taken in zip(plans, samples, strict=True)
    ]


def _fastest(
    plans: Sequence[Plan], times: Sequence[Mapping[str, float]], candidates: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    algorithms = [{step.name: step.algorithm for step in plan.lowered.steps} for plan in plans]
    found = {}
    for name in candidates:
        best = min(range(len(plans)), key=lambda rank: times[rank][name])
        if times[best][name] < _WORTH * times[0][name]:
            found[name] = algorithms[best][name]
    return found
