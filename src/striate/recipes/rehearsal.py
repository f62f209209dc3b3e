"""A dry run: everything that training would do, once, on nothing that lasts."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from striate.recipes.preparation import prepare
from striate.recipes.pretrained import opened
from striate.recipes.recipe import Recipe
from striate.recipes.table import chosen
from striate.train import Learner, Plan, Where
from striate.train.threads import set_threads

__all__ = ["Rehearsal", "dry_run"]


@dataclass(frozen=True)
class Rehearsal:
    """What a dry run found.

    Args:
        recipe: What would be trained.
        samples: Images in each part.
        classes: How many there are.
        parameters: Of the network.
        steps: Of the whole training.
        loss: Of the first step; about the logarithm of the number of classes.
        seconds: That training would take about, by one step and one validation.
        weights: What it would begin with, in words; nothing for fresh weights.
    """

    recipe: Recipe
    samples: dict[str, int]
    classes: int
    parameters: int
    steps: int
    loss: float
    seconds: float
    weights: str = ""


def dry_run(
    data: str | Path,
    *,
    model: str | None = None,
    where: Where | None = None,
    recipe: Recipe | None = None,
    **settings: Any,
) -> Rehearsal:
    """Read the data, take two steps and validate once; write nothing.

    Args:
        data: As for `train`.
        model: As for `train`.
        where: As for `train`.
        recipe: As for `train`.
        settings: As for `train`.

    Raises:
        StriateError: Whatever training would raise at its beginning.

    Example:
        >>> dry_run("digits", where=Where(progress="none")).samples
        {'train': 1079, 'val': 359, 'test': 359}
    """
    where = where or Where()
    dataset, recipe, first = opened(data, chosen(recipe, model, data).changed(**settings), where)
    with set_threads(where.threads):
        learner, plan = prepare(dataset, recipe, where, first and first.tensors)
        loss, seconds = _tried(learner, plan)
    return Rehearsal(
        recipe=recipe,
        samples={name: len(part) for name, part in dataset.parts.items()},
        classes=len(dataset.classes),
        parameters=sum(p.numel() for p in learner.model.parameters()),
        steps=recipe.train.epochs * plan.steps_per_epoch,
        loss=loss,
        seconds=seconds,
        weights=str(first or ""),
    )


def _tried(learner: Learner, plan: Plan) -> tuple[float, float]:
    """Take two steps and validate; give the first loss, and the seconds that all of training would take."""
    options, times = plan.options, list[float]()
    loss = 0.0
    with torch.random.fork_rng([learner.device] if learner.device.type == "cuda" else []):
        for step in range(2):  # the first one also pays for what is set up once
            began = time.monotonic()
            batch = list(plan.loader.batches(step, step + 1, parts=options.accumulate))
            done = learner.step(batch, learning_rate=options.learning_rate if step else 0.0, seed=options.seed)
            loss = loss or done.loss / done.weight
            times.append(time.monotonic() - began)
        began = time.monotonic()
        plan.validate(learner.judged, should_stop=lambda: False)
        validation = time.monotonic() - began
    return loss, options.epochs * (plan.steps_per_epoch * times[-1] + validation)
