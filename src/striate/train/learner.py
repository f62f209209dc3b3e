"""A network that learns: its weights, optimiser and average, and one step of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from striate.data.loader import Batch
from striate.tasks import Classification
from striate.train.average import Average
from striate.train.device import placed
from striate.train.filters import filters_of, limit_filters
from striate.train.optimizer import optimizer_for, optimizer_tensors, restore_optimizer
from striate.train.options import TrainOptions
from striate.train.tuning import Tuning

__all__ = ["Learner", "Step"]

PRECISIONS: Final = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Step:
    """What one step did.

    Args:
        loss: Summed over the samples; not finite if the step was skipped.
        weight: What the samples count, for the mean of the loss.
        correct: Samples whose highest score was their label's.
        seen: Samples.
        skipped: Whether the weights were left alone, because the loss or the gradient was not finite.
    """

    loss: float
    weight: float
    correct: int
    seen: int
    skipped: bool = False


class Learner:
    """A network in training.

    Args:
        model: Its weights are changed in place.
        task: Gives the loss.
        options: Gives the optimiser, the precision, the average and the limits of the gradient and of the filters.
        device: Where the network is moved, and the batches with it.
        tuning: Which of its parameters learn how fast; None for all alike.
        by_engine: Whether the engine convolves, on the processor.
    """

    def __init__(
        self,
        model: nn.Module,
        task: Classification,
        options: TrainOptions,
        device: torch.device,
        tuning: Tuning | None = None,
        *,
        by_engine: bool = False,
    ) -> None:
        self.model = placed(model, device, by_engine=by_engine)
        self.task, self.options, self.device = task, options, device
        tuning = tuning or Tuning()
        for parameter in tuning.frozen:
            parameter.requires_grad_(False)
        self._resting = tuning.resting
        self.optimizer = optimizer_for(model, options, tuning.rates)
        self.average = Average(model, options.average_decay) if options.average_decay else None
        self.updates = 0
        self._filters = filters_of(model) if options.filter_rms else []
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        self._buffers = list(model.buffers())
        self._kept = [buffer.clone() for buffer in self._buffers]
        self._statistics = [buffer for buffer in self._buffers if buffer.is_floating_point()]

    @property
    def judged(self) -> nn.Module:
        """The network whose weights count: the average's, if there is one."""
        return self.average.model if self.average else self.model

    def step(self, batch: Sequence[Batch], *, learning_rate: float, seed: int) -> Step:
        """Change the weights once, by the gradient of the mean loss over all parts of the batch.

        A loss, gradient or running statistic that is not finite changes nothing: not the weights, not the statistics
        of normalisation, which the forward pass has already touched, not the optimiser, not the average.

        Args:
            batch: The parts; their gradients are summed.
            learning_rate: Of this step.
            seed: Of the random layers; a function of the step, so that nothing has to be remembered.
        """
        _seed(seed, self.device)
        if not self.model.training:  # asking is free, while telling every layer costs as much as a small one's step
            self.model.train()
        for module in self._resting:  # whoever sets the network's mode sets theirs as well
            if module.training:
                module.training = False
        self.optimizer.zero_grad()
        _copy(self._kept, self._buffers)
        weight = sum(self.task.weight(part.labels) for part in batch)
        total, correct = 0.0, 0
        for part in batch:
            loss, right = self._backward(part, weight)
            total, correct = total + loss, correct + right
            if not math.isfinite(total):
                break
        if not (math.isfinite(total) and self._is_finite()):
            _copy(self._buffers, self._kept)
            return Step(math.nan, weight, 0, sum(len(part.labels) for part in batch), skipped=True)
        if self.options.clip_norm:
            nn.utils.clip_grad_norm_(self._parameters, self.options.clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate * group["scale"]
        self.optimizer.step()
        limit_filters(self._filters, self.options.filter_rms)
        if self.average:
            self.average.update(self.updates)
        self.updates += 1
        return Step(total, weight, correct, sum(len(part.labels) for part in batch))

    def _backward(self, part: Batch, weight: float) -> tuple[float, int]:
        images = part.images.to(self.device, memory_format=torch.channels_last, non_blocking=True)
        labels = part.labels.to(self.device, non_blocking=True)
        dtype = PRECISIONS[self.options.precision]
        with torch.autocast(self.device.type, dtype, enabled=dtype is not torch.float32):
            logits = self.model(images)
        loss = self.task.loss(logits.float(), labels)
        value = loss.item()
        if math.isfinite(value):
            (loss / weight).backward()
        return value, int(self.task.correct(logits, labels))

    def _is_finite(self) -> bool:
        """Look at every gradient, and at the running statistics.

        A variance that overflowed shows in neither loss nor gradient: dividing by it gives zeros.
        """
        numbers = [*(p.grad for p in self._parameters if p.grad is not None), *self._statistics]
        found, one = torch.zeros(1, device=self.device), torch.ones(1, device=self.device)
        # PyTorch's own check, of its gradient scaler: one call for all tensors, a third of the time of their norms.
        torch._amp_foreach_non_finite_check_and_unscale_(numbers, found, one)  # pyright: ignore[reportPrivateImportUsage]
        return found.item() == 0

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """List everything that training has computed, by file and name."""
        average = {"average": self.average.tensors()} if self.average else {}
        return {"model": self.model.state_dict(), "optimizer": optimizer_tensors(self.optimizer), **average}

    def restore(self, tensors: dict[str, dict[str, Tensor]], *, updates: int) -> None:
        """Take back what `tensors` listed."""
        self.model.load_state_dict(tensors["model"])
        restore_optimizer(self.optimizer, tensors["optimizer"])
        if self.average:
            self.average.model.load_state_dict(tensors["average"])
        self.updates = updates


def _seed(seed: int, device: torch.device) -> None:
    """Seed the generators that the step may use.

    `torch.manual_seed` would do, but it also notes down the whole call stack for each kind of device that is not
    there: 0.1 ms a step, and memory that grows.
    """
    torch.default_generator.manual_seed(seed)
    if device.type in _SEEDS:
        _SEEDS[device.type](seed)


_SEEDS: Final = {"cuda": torch.cuda.manual_seed, "mps": torch.mps.manual_seed}


def _copy(to: list[Tensor], of: list[Tensor]) -> None:
    if to:
        with torch.no_grad():
            torch._foreach_copy_(to, of)  # pyright: ignore[reportPrivateImportUsage]
