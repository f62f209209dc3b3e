"""The learning rate as a function of the step and of what is counted, so that a resumed run has nothing to restore."""

import math
from collections.abc import Callable
from typing import Final

from striate.train.options import TrainOptions

__all__ = ["MOST_DIVISIONS", "learning_rate"]

# Times that `plateau` divides the rate: "reduced three times prior to termination" (Krizhevsky et al. 2012, section 5).
MOST_DIVISIONS: Final = 3


def learning_rate(options: TrainOptions, step: int, *, steps_per_epoch: int, divisions: int = 0) -> float:
    """Give the rate of step `step`, counted from 0; of `divisions` by 10, where the schedule is `plateau`.

    Source:
        Steps: He et al., CVPR 2016, section 4.2. Cosine: Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5.
        Plateau: Krizhevsky et al., NIPS 2012, section 5.
        Warm-up: Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 2.2.

    Example:
        >>> options = TrainOptions(epochs=4, learning_rate=1.0, warmup_epochs=0.0)
        >>> [round(learning_rate(options, step, steps_per_epoch=1), 3) for step in range(4)]
        [1.0, 0.854, 0.5, 0.146]
    """
    warmup = round(options.warmup_epochs * steps_per_epoch)
    total = options.epochs * steps_per_epoch
    if step < warmup:
        return options.learning_rate * (step + 1) / warmup
    done = (step - warmup) / max(total - warmup, 1)
    return options.learning_rate * _SCHEDULES[options.schedule](options, done, divisions)


def _constant(options: TrainOptions, done: float, divisions: int) -> float:
    return 1.0


def _step(options: TrainOptions, done: float, divisions: int) -> float:
    return 0.1 ** sum(done >= part for part in options.milestones)


def _cosine(options: TrainOptions, done: float, divisions: int) -> float:
    return (1 + math.cos(math.pi * done)) / 2


def _plateau(options: TrainOptions, done: float, divisions: int) -> float:
    return 0.1**divisions


_SCHEDULES: Final[dict[str, Callable[[TrainOptions, float, int], float]]] = {
    "constant": _constant,
    "step": _step,
    "cosine": _cosine,
    "plateau": _plateau,
}
