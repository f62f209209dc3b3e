"""The loop: steps, epochs, validation, checkpoints, and an orderly end whatever ends it."""

import math
import shlex
import signal
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import torch
from torch import nn

from striate.data.keyed import LAYERS, bits
from striate.data.loader import Batch, Loader
from striate.errors import CheckpointError, Interrupted, NonFiniteError
from striate.train.checkpoint import Checkpoint
from striate.train.learner import Learner
from striate.train.log import Log
from striate.train.options import TrainOptions
from striate.train.progress import Progress
from striate.train.run import Run
from striate.train.schedule import MOST_DIVISIONS, learning_rate
from striate.train.stop import StopRequest

__all__ = ["Plan", "Score", "State", "Validate", "fit"]

# A step's line in the log, and the bar's next look, come at most so often.
LOG_EVERY_STEPS: Final = 50
SHOW_EVERY_SECONDS: Final = 0.1
# Names of samples in an error message; the log has them all.
SUSPECTS_SHOWN: Final = 12


@dataclass(frozen=True)
class Score:
    """What validation found: the mean loss and the part of the samples that were right."""

    loss: float
    accuracy: float


@runtime_checkable
class Validate(Protocol):
    """Judges a network on the validation part; None if it was asked to stop before it was done."""

    def __call__(self, model: nn.Module, *, should_stop: Callable[[], bool]) -> Score | None:
        """Judge."""
        ...


@dataclass(frozen=True)
class Plan:
    """What there is to do.

    Args:
        options: How to train.
        loader: Gives the batches of the training part.
        validate: Judges the network after each epoch.
        checkpoint_seconds: Longest time without a checkpoint; what is best so far is saved after each epoch.
        keep_epochs: After these the weights are kept for good.
    """

    options: TrainOptions
    loader: Loader
    validate: Validate
    checkpoint_seconds: float = 60.0
    keep_epochs: Collection[int] = ()

    @property
    def steps_per_epoch(self) -> int:
        """Steps in one pass over the training part."""
        return self.loader.order.steps_per_epoch


@dataclass
class State:
    """All that training counts; with the tensors it is all that a run needs to go on exactly.

    Args:
        step: Steps done, skipped ones included.
        updates: Steps that changed the weights.
        skipped_in_a_row: Steps just now that did not.
        epochs: Epochs that are validated and logged.
        loss: Summed over the samples of the epoch that is under way.
        weight: What these samples count.
        correct: How many of them were right.
        seen: How many they are.
        skipped: Steps of this epoch that did not change the weights.
        seconds: Time spent on this epoch's steps.
        best_step: Step of the best validation; -1 if there was none.
        best_accuracy: What it found.
        best_loss: What it found.
        epochs_since_best: Epochs since.
        divisions: Times that the rate was divided, where the schedule is `plateau`.
        epochs_since_division: Epochs since the last.
        finished: Whether there is nothing left to do.
    """

    step: int = 0
    updates: int = 0
    skipped_in_a_row: int = 0
    epochs: int = 0
    loss: float = 0.0
    weight: float = 0.0
    correct: int = 0
    seen: int = 0
    skipped: int = 0
    seconds: float = 0.0
    best_step: int = -1
    best_accuracy: float = 0.0
    best_loss: float = 0.0
    epochs_since_best: int = 0
    divisions: int = 0
    epochs_since_division: int = 0
    finished: bool = False


def fit(run: Run, learner: Learner, plan: Plan, progress: Progress) -> State:
    """Train from where the run stands until it is finished.

    Raises:
        Interrupted: SIGTERM or Ctrl-C came; a checkpoint was written.
        NonFiniteError: Loss or gradient were not finite for too many steps in a row; the weights before are saved.
        RunError: The disk is full or read-only; the last checkpoint is whole.
        CheckpointError: Every checkpoint is damaged, or the last is of another network.
        DataError: A sample cannot be read, or a worker died; the last checkpoint is whole.
    """
    state = _restored(run, learner)
    if state.finished:
        return state
    devices = [learner.device] if learner.device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices),
        StopRequest() as stop,
        closing(Log(run.path, step=state.step, epochs=state.epochs)) as log,
        closing(progress),
        plan.loader.watched(),
    ):
        _Training(run, learner, plan, progress, state, stop, log).go()
    return state


def _restored(run: Run, learner: Learner) -> State:
    checkpoint = run.checkpoints.load("last")
    if checkpoint is None:
        return State()
    try:
        state = State(**checkpoint.state)
        learner.restore({name: dict(group) for name, group in checkpoint.tensors.items()}, updates=state.updates)
    except (IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"train: the last checkpoint of {run.path} is not one of this network and these options.",
            "Use the version of Striate that wrote it, or train again.",
            reported=str(error).strip().splitlines()[-1].strip(),
        ) from error
    return state


@dataclass
class _Training:
    """One stretch of training, from a start or a resumption to its end."""

    run: Run
    learner: Learner
    plan: Plan
    progress: Progress
    state: State
    stop: StopRequest
    log: Log
    suspects: list[str] = field(default_factory=list[str])
    last_saved: float = field(default_factory=time.monotonic)
    last_shown: float = 0.0

    def go(self) -> None:
        state, options = self.state, self.plan.options
        total = options.epochs * self.plan.steps_per_epoch
        self.progress.start(total=total, done=state.step, epochs=options.epochs)
        # A stop that came in an epoch's validation left the end of that epoch to be done first.
        self._end_epoch_if_due()
        with closing(self.plan.loader.batches(state.step, total, parts=options.accumulate)) as batches:
            began = time.monotonic()
            while not state.finished:
                self._one_step([next(batches) for _ in range(options.accumulate)])
                now = time.monotonic()
                state.seconds += now - began
                self._look_up(now)
                self._end_epoch_if_due()
                began = time.monotonic() if state.seen == 0 else now

    def _one_step(self, batch: Sequence[Batch]) -> None:
        state, options = self.state, self.plan.options
        rate = self._rate(state.step)
        done = self.learner.step(batch, learning_rate=rate, seed=_seed_of_step(options.seed, state.step))
        state.step += 1
        if done.skipped:
            self._suspect(batch)
            return
        state.updates += 1
        state.skipped_in_a_row = 0
        self.suspects.clear()
        state.loss += done.loss
        state.weight += done.weight
        state.correct += done.correct
        state.seen += done.seen
        if state.step % LOG_EVERY_STEPS == 0:
            self.log.write("step", {"step": state.step, "learning_rate": rate, "loss": done.loss / done.weight})

    def _rate(self, step: int) -> float:
        steps, divisions = self.plan.steps_per_epoch, self.state.divisions
        return learning_rate(self.plan.options, step, steps_per_epoch=steps, divisions=divisions)

    def _look_up(self, now: float) -> None:
        """Between two steps: show how it goes, obey a signal, save now and then."""
        state = self.state
        if now - self.last_shown > SHOW_EVERY_SECONDS:
            self.last_shown = now
            self.progress.step(
                done=state.step,
                epoch=state.epochs + 1,
                loss=state.loss / (state.weight or 1),
                accuracy=state.correct / (state.seen or 1),
                images_per_second=state.seen / state.seconds,
            )
        if self.stop:
            self._interrupted()
        if now - self.last_saved > self.plan.checkpoint_seconds:
            self._save()

    def _suspect(self, batch: Sequence[Batch]) -> None:
        """Remember a skipped batch, and stop if there are too many in a row."""
        state, limit = self.state, self.plan.options.max_skips
        names = [self.plan.loader.part.names[int(index)] for part in batch for index in part.indices]
        self.suspects += names
        state.skipped += 1
        state.skipped_in_a_row += 1
        self.log.write("skip", {"step": state.step, "samples": names})
        self.progress.note(f"step {state.step}: loss or gradient is not finite; the step is skipped")
        if state.skipped_in_a_row <= limit:
            return
        self._save()
        shown = ", ".join(self.suspects[:SUSPECTS_SHOWN])
        more = len(self.suspects) - SUSPECTS_SHOWN
        raise NonFiniteError(
            f"train: loss or gradient was not finite in {state.skipped_in_a_row} steps in a row.",
            "Look at these samples, lower the learning rate, or limit the gradient (clip_norm); "
            "the weights before these steps are saved.",
            step=state.step,
            learning_rate=f"{self._rate(state.step - 1):g}",
            samples=f"{shown} and {more} more, all in log.jsonl" if more > 0 else shown,
        )

    def _end_epoch_if_due(self) -> None:
        """After an epoch's last step: validate, log, and keep the checkpoint if it is the best."""
        state = self.state
        if state.epochs == state.step // self.plan.steps_per_epoch:
            return
        score = self.plan.validate(self.learner.judged, should_stop=lambda: bool(self.stop))
        if score is None:
            self._interrupted()
            return
        best = _is_better(score, state)
        if best:
            state.best_step, state.best_accuracy, state.best_loss = state.step, score.accuracy, score.loss
        state.epochs_since_best = 0 if best else state.epochs_since_best + 1
        state.epochs += 1
        row = self._row(score)
        self.log.write("epoch", row)
        self.progress.epoch(row)
        state.loss, state.weight, state.correct, state.seen, state.skipped, state.seconds = 0.0, 0.0, 0, 0, 0, 0.0
        self._divide_if_due()
        patience = self.plan.options.patience
        if patience and state.epochs_since_best >= patience:
            state.finished = True
            self.progress.note(f"no better validation for {patience} epochs: training stops")
        state.finished = state.finished or state.epochs == self.plan.options.epochs
        if state.epochs in self.plan.keep_epochs:
            self.run.checkpoints.keep(self._checkpoint(), epoch=state.epochs)
        if best or state.finished:
            self._save(best=best)

    def _divide_if_due(self) -> None:
        """Where the schedule is `plateau`: divide the rate once validation has not improved for so many epochs."""
        state, options = self.state, self.plan.options
        state.epochs_since_division += 1
        waited = min(state.epochs_since_best, state.epochs_since_division) >= options.plateau_epochs
        if options.schedule == "plateau" and waited and state.divisions < MOST_DIVISIONS:
            state.divisions += 1
            state.epochs_since_division = 0

    def _row(self, score: Score) -> dict[str, Any]:
        state = self.state
        finite = math.isfinite(score.loss)
        return {
            "epoch": state.epochs,
            "step": state.step,
            "learning_rate": self._rate(state.step - 1),
            "train_loss": state.loss / state.weight if state.weight else None,
            "train_accuracy": state.correct / state.seen if state.seen else None,
            "val_loss": score.loss if finite else None,
            "val_accuracy": score.accuracy,
            "images_per_second": state.seen / state.seconds if state.seconds else None,
            "skipped": state.skipped,
            "seconds": state.seconds,
        }

    def _save(self, *, best: bool = False) -> None:
        self.run.checkpoints.save(self._checkpoint(), step=self.state.step, best=best)
        self.last_saved = time.monotonic()

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(self.learner.tensors(), asdict(self.state), self.run.about)

    def _interrupted(self) -> None:
        self._save()
        number = self.stop.signal_number or signal.SIGINT
        raise Interrupted(
            f"train: stopped by {signal.Signals(number).name} after step {self.state.step}; everything is saved.",
            f"Go on with: striate train --resume {shlex.quote(str(self.run.path))}",
            signal_number=number,
        )


def _is_better(score: Score, state: State) -> bool:
    if not math.isfinite(score.loss):
        return False
    return state.best_step < 0 or (score.accuracy, -score.loss) > (state.best_accuracy, -state.best_loss)


def _seed_of_step(seed: int, step: int) -> int:
    """Mix seed and step: neighbouring steps must not give PyTorch's generator neighbouring seeds."""
    return int(bits(seed, LAYERS, 0, np.array([step]))[0] >> np.uint64(1))
