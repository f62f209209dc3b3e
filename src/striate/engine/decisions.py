"""What is planned for each convolution of a model, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from striate.engine.choice import chosen
from striate.engine.layers import Layer, layers
from striate.engine.plan import Plan, deciding, plan
from striate.engine.problem import Problem
from striate.engine.wisdom import recall

__all__ = ["Decision", "decide", "decisions"]


@dataclass(frozen=True)
class Decision:
    """What one problem is computed by.

    Args:
        layers: The names of the modules that have it.
        plan: Every candidate with its estimate or its reason, and the one chosen.
        measured: Seconds that candidates took when they were measured; empty if they were not.
    """

    layers: tuple[str, ...]
    plan: Plan
    measured: Mapping[str, float]


def decisions(
    model: nn.Module,
    input_size: Sequence[int],
    *,
    threads: int | None = None,
    backward: bool = False,
    channels_last: bool = False,
) -> list[Decision]:
    """Plan every convolution of a model; layers that are alike are one decision. Nothing is timed.

    Args:
        model: Any module that takes one tensor.
        input_size: The input's, the axis of examples included.
        threads: That share the work; None for as many as torch uses now.
        backward: Whether gradients are planned as well.
        channels_last: Whether inputs lie in memory with a pixel's channels side by side.

    Raises:
        ShapeError: The model does not take such an input.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 3, 3, padding=1))
        >>> [decision.layers for decision in decisions(model, (1, 3, 16, 16))]
        [('0', '2')]
    """
    found = layers(model, input_size, backward=backward, channels_last=channels_last)
    return decide(found, threads or torch.get_num_threads())


def decide(found: Sequence[Layer], threads: int) -> list[Decision]:
    """Plan layers that were found; see `decisions`."""
    names: dict[Problem, list[str]] = {}
    for layer in found:
        for problem in (layer.problem, *layer.backward):
            names.setdefault(problem, []).append(layer.name)
    return [_decision(problem, tuple(dict.fromkeys(of)), threads) for problem, of in names.items()]


def _decision(problem: Problem, names: tuple[str, ...], threads: int) -> Decision:
    decider, on = deciding(problem, threads, chosen())
    known = recall(decider, threads=on)
    return Decision(names, plan(problem, threads=threads), known.seconds if known else {})
