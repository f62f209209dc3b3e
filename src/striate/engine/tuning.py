"""Tuning: the convolutions of a model are measured once, and what was found is remembered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from striate.engine.choice import chosen
from striate.engine.decisions import Decision, decide
from striate.engine.layers import layers
from striate.engine.measure import candidates, measure
from striate.engine.plan import deciding, forget
from striate.engine.wisdom import books, recall, remember

__all__ = ["Tuned", "tune"]


@dataclass(frozen=True)
class Tuned:
    """What was found.

    Args:
        decisions: What is planned now, problem by problem, in the order in which the model meets them.
        measured: How many problems were measured now; the others were known, or only one algorithm computes them.
        notes: What a person should know: what could not be read or written.
    """

    decisions: tuple[Decision, ...]
    measured: int
    notes: tuple[str, ...]


def tune(
    model: nn.Module,
    input_size: Sequence[int],
    *,
    threads: int | None = None,
    backward: bool = False,
    channels_last: bool = False,
    again: bool = False,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Tuned:
    """Measure every convolution of a model that has a choice and of which nothing is known, and remember the times.

    From then on, in this process and in the user's later ones, these problems are planned by the times that were
    measured: on this machine, with these kernels and as many threads.

    Args:
        model: Any module that takes one tensor.
        input_size: The input's, the axis of examples included.
        threads: That share the work; None for as many as torch uses now.
        backward: Whether to measure gradients as well.
        channels_last: Whether inputs lie in memory with a pixel's channels side by side.
        again: Whether to measure what is known already, too.
        told: Is told how many problems are done, of how many.

    Raises:
        ShapeError: The model does not take such an input.

    Example:
        >>> tuned = tune(nn.Conv2d(3, 8, 3), (1, 3, 16, 16), threads=1)
        >>> [decision.plan.how for decision in tuned.decisions]
        ['measured']
    """
    threads = threads or torch.get_num_threads()
    found = layers(model, input_size, backward=backward, channels_last=channels_last)
    problems = [problem for layer in found for problem in (layer.problem, *layer.backward)]
    deciders = dict.fromkeys(deciding(problem, threads, chosen()) for problem in problems)
    doubtful = [(problem, on) for problem, on in deciders if len(candidates(problem, on)) > 1]
    new = [(problem, on) for problem, on in doubtful if again or recall(problem, threads=on) is None]
    notes = dict.fromkeys(_damage())
    told(0, len(new))
    for done, (problem, on) in enumerate(new, 1):
        notes[remember(measure(problem, threads=on))] = None
        told(done, len(new))
    forget()
    return Tuned(tuple(decide(found, threads)), len(new), tuple(filter(None, notes)))


def _damage() -> list[str]:
    """Say which files cannot be read, and which have lines that are skipped."""
    said: list[str] = []
    for book in books():
        if book.unreadable:
            said.append(f"{book.path} cannot be read: {book.unreadable}")
        if book.skipped:
            said.append(f"{book.path} has damaged lines, which are skipped: {book.skipped}")
    return said
