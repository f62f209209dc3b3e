"""A program raced against its rivals on one network: answers are compared first, then all take turns.

Source: the ratios are taken within a turn, where the machine is nearly the same; see bench/harness.py.
"""

import copy
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from striate.errors import OptionError
from striate.rivals.plain import plain
from striate.rivals.pytorch import PYTORCH, Run
from striate.rivals.ready import RIVALS, described, ready

__all__ = ["OURS", "Race", "race"]

OURS: Final = "striate"

# Of the largest number. Some take larger tiles of Winograd's than ours do by default, and lose more by them.
_TOLERANCE: Final = 1e-2

_WARM_UP: Final = 2  # turns; the answer that is compared comes before them


@dataclass(frozen=True)
class Race:
    """What was timed.

    Args:
        batch: Images in a run.
        threads: That each was told to use.
        seconds: Of every turn, by name, the program first.
        left_out: Why others were not timed.
        errors: How far each answer is from the model's in 64 bits, against the size of the numbers: roots of mean
            squares. Empty where the model does not compute in 64 bits, or there is none.
    """

    batch: int
    threads: int
    seconds: Mapping[str, tuple[float, ...]]
    left_out: Mapping[str, str]
    errors: Mapping[str, float] = field(default_factory=dict)

    def median(self, name: str) -> float:
        """Give the seconds of the middle turn.

        Example:
            >>> Race(1, 1, {"striate": (1.0, 2.0, 4.0)}, {}).median("striate")
            2.0
        """
        return statistics.median(self.seconds[name])

    def ratio(self, name: str) -> float:
        """Say how many times as long as the program another takes: the middle of what the turns say.

        Example:
            >>> Race(1, 1, {"striate": (1.0, 2.0, 4.0), "PyTorch": (2.0, 6.0, 8.0)}, {}).ratio("PyTorch")
            2.0
        """
        pairs = zip(self.seconds[name], self.seconds[OURS], strict=True)
        return statistics.median(theirs / ours for theirs, ours in pairs)

    @property
    def fastest(self) -> str | None:
        """The rival that takes the least time, if there is any."""
        return min((name for name in self.seconds if name != OURS), key=self.median, default=None)

    @property
    def pytorch(self) -> str | None:
        """Of PyTorch's two layouts the one that takes less time, if there is a model."""
        layouts = [name for name in list(PYTORCH)[:2] if name in self.seconds]
        return min(layouts, key=self.median, default=None)

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        others = [name for name in self.seconds if name != OURS]
        return {
            "batch": self.batch,
            "threads": self.threads,
            "seconds": {name: list(turns) for name, turns in self.seconds.items()},
            "medians": {name: self.median(name) for name in self.seconds},
            "times_as_long": {name: self.ratio(name) for name in others},
            "errors": dict(self.errors),
            "left_out": dict(self.left_out),
        }


def race(
    program: Callable[[Tensor], Tensor],
    model: nn.Module | None,
    images: Float32[Tensor, "N C H W"],
    *,
    turns: int = 5,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Race:
    """Time a program by turns against whichever rivals are installed, on as many threads as PyTorch uses now.

    A rival that fails, or whose answer is not the model's, is left out, and it is said why.

    Args:
        program: What `striate.compile` made of the model.
        model: In evaluation mode; it gives one tensor. None where there is none: then only the program is timed.
        images: What all of them run on.
        turns: Of each; ratios need a few.
        told: Called now and then with how much is done, of how much.

    Raises:
        OptionError: There are no turns.

    Example:
        >>> from striate.compile.compiled import compile
        >>> model, images = nn.Conv2d(3, 4, 3).eval(), torch.zeros(1, 3, 8, 8)
        >>> race(compile(model, images), None, images, turns=3).fastest is None
        True
    """
    if turns < 1:
        raise OptionError("race: nothing is timed in less than one turn.", "Pass turns of 1 or more.", turns=turns)
    total, done = (0 if model is None else len(RIVALS)) + _WARM_UP + turns, 0

    def step() -> None:
        nonlocal done
        done += 1
        told(done, total)

    with torch.no_grad():
        calls: dict[str, Run] = {OURS: lambda: program(images).numpy()}
        left_out: dict[str, str] = {}
        errors: dict[str, float] = {}
        if model is not None:
            runs, left_out = ready(plain(model), images, torch.get_num_threads(), told=step)
            answers, wrong = _compared(runs, model(images).numpy())
            calls, left_out = calls | {name: runs[name] for name in answers}, left_out | wrong
            errors = _errors({OURS: calls[OURS](), **answers}, model, images)
        seconds: dict[str, list[float]] = {name: [] for name in calls}
        for turn in range(-_WARM_UP, turns):
            for name, run in calls.items():
                start = time.perf_counter()
                run()
                if turn >= 0:
                    seconds[name].append(time.perf_counter() - start)
            step()
    timed = {name: tuple(each) for name, each in seconds.items()}
    return Race(len(images), torch.get_num_threads(), timed, left_out, errors)


def _errors(answers: Mapping[str, np.ndarray], model: nn.Module, images: Tensor) -> dict[str, float]:
    try:
        exact = copy.deepcopy(model).double()(images.double()).numpy()
    except Exception:  # whatever a model raises that makes numbers of 32 bits itself, or computes in nothing else
        return {}
    size = float(np.sqrt(np.square(exact).mean())) or 1.0
    return {
        name: float(np.sqrt(np.square(answer.reshape(exact.shape) - exact).mean())) / size
        for name, answer in answers.items()
    }


def _compared(runs: Mapping[str, Run], want: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Give the answers of those that answer as the model does, and say why the others do not."""
    right: dict[str, np.ndarray] = {}
    wrong: dict[str, str] = {}
    largest = float(np.abs(want).max())
    for name, run in runs.items():
        try:
            answer = run()
            apart = float(np.abs(answer.reshape(want.shape) - want).max())
        except Exception as error:  # whatever others raise
            wrong[name] = described(error)
            continue
        if apart < _TOLERANCE * largest or apart == 0:
            right[name] = answer.copy()  # some write the next one where this one is
        else:
            wrong[name] = f"its answer differs from the model's by {apart / (largest or 1):.2g} of the largest number"
    return right, wrong
