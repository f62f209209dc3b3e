"""Which samples make up which batch: a function of the seed and the step, so the place in an epoch is one integer."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Int64

from striate.data.keyed import ORDER, bits

__all__ = ["Order"]


@dataclass(frozen=True)
class Order:
    """The batches of a training run, any of which can be asked for alone.

    An epoch visits every sample once. Its batches differ in size by at most one sample, so there is no small last one
    whose gradient would weigh as much as a full one's.

    Args:
        samples: Size of the training part.
        batch_size: Most samples in one batch, over all ranks.
        seed: Decides the order of every epoch; None keeps the order of the data.
        limit: Use only the first so many batches of the first epoch, again and again; None for all.

    Example:
        >>> order = Order(samples=10, batch_size=4, seed=0)
        >>> [len(order.batch(step)) for step in range(order.steps_per_epoch)]
        [3, 3, 4]
    """

    samples: int
    batch_size: int
    seed: int | None
    limit: int | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch."""
        return min(self._all_steps, self.limit or self._all_steps)

    @property
    def _all_steps(self) -> int:
        return math.ceil(self.samples / self.batch_size)

    @property
    def smallest(self) -> int:
        """Samples in the smallest batch."""
        return self.samples // self._all_steps

    def epoch(self, step: int) -> int:
        """Passes over the data that are complete before `step`."""
        return step // self.steps_per_epoch

    def batch(self, step: int, *, part: int = 0, parts: int = 1) -> Int64[np.ndarray, " n"]:
        """List the samples of one batch, or of one of its equal parts: a rank's, or an accumulation step's."""
        place = step % self.steps_per_epoch
        order = _permutation(self.samples, self.seed, 0 if self.limit else self.epoch(step))
        first, last = (i * self.samples // self._all_steps for i in (place, place + 1))
        size = last - first
        return order[first + part * size // parts : first + (part + 1) * size // parts]


@lru_cache(maxsize=2)
def _permutation(samples: int, seed: int | None, epoch: int) -> Int64[np.ndarray, " samples"]:
    """Order an epoch; remembered, because every batch of the epoch asks for it."""
    everyone = np.arange(samples)
    if seed is None:
        return everyone
    return np.argsort(bits(seed, ORDER, epoch, everyone), kind="stable")
