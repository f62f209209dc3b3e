"""The moving average of a network's weights over training."""

import copy

import torch
from torch import Tensor, nn

__all__ = ["Average"]


class Average:
    """A copy of a network whose weights follow the original's slowly (EMA).

    After t updates the decay is at most (1 + t) / (10 + t), so that the first weights are soon forgotten. The running
    statistics of normalisation are averaged like weights; counters are copied.

    Args:
        model: The network to follow.
        decay: Part of the average that an update keeps, in [0, 1).

    Source:
        Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", SIAM J. Control Optim. 30 (1992);
        the decay's warm-up as in TensorFlow's `ExponentialMovingAverage`.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.model = copy.deepcopy(model).requires_grad_(requires_grad=False)
        ours, theirs = self.model.state_dict(keep_vars=True), model.state_dict(keep_vars=True)
        floats = [name for name, value in ours.items() if value.is_floating_point()]
        self._ours, self._theirs = [ours[name] for name in floats], [theirs[name] for name in floats]
        self._counters = [(ours[name], theirs[name]) for name in ours if name not in floats]

    @torch.no_grad()
    def update(self, updates: int) -> None:
        """Move towards the network's weights; `updates` is how often this was done before."""
        decay = min(self.decay, (1 + updates) / (10 + updates))
        # One call for all tensors: a loop over them costs more than the arithmetic.
        torch._foreach_lerp_(self._ours, self._theirs, 1 - decay)  # pyright: ignore[reportPrivateImportUsage]
        for ours, theirs in self._counters:
            ours.copy_(theirs)

    def tensors(self) -> dict[str, Tensor]:
        """List the averaged weights by name."""
        return self.model.state_dict()
