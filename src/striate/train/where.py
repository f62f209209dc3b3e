"""Where and how visibly something runs: what does not decide its result."""

from dataclasses import dataclass
from typing import Final, get_args

from striate.errors import OptionError
from striate.train.progress import Shown

__all__ = ["Where"]

# More threads or processes than any machine has: asking the system for a million of them ends this one.
_MOST: Final = {"workers": 1024, "threads": 1024, "checkpoint_seconds": 10**9}


@dataclass(frozen=True)
class Where:
    """Where and how visibly training, judging and predicting run; none of it is part of a recipe.

    Args:
        device: auto, cpu, cuda or mps.
        accelerate: Whether the engine convolves, on the processor; a run that is resumed goes on as it began.
        workers: Processes that read and augment ahead; 0 for none.
        threads: Threads that compute; 0 for PyTorch's own choice, or the run's own when it is resumed.
        progress: A bar, lines, nothing, or (auto) a bar on a terminal and lines elsewhere.
        checkpoint_seconds: Longest time between checkpoints in training.
        keep_epochs: Numbers of epochs whose weights are kept for good, so that `striate explain` can show how features
            came about; a run that is resumed keeps those that it began with.

    Raises:
        OptionError: A setting is out of range.
    """

    device: str = "auto"
    accelerate: bool = False
    workers: int = 0
    threads: int = 0
    progress: Shown = "auto"
    checkpoint_seconds: float = 60.0
    keep_epochs: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name, most in _MOST.items():
            value = getattr(self, name)
            if not 0 <= value <= most:  # so written, NaN fails as well
                raise OptionError(f"where: {name} is out of range.", f"Pass 0 to {most}.", **{name: value})
        if any(epoch < 1 for epoch in self.keep_epochs):
            raise OptionError("where: epochs are counted from 1.", "Keep 1 or later.", keep_epochs=self.keep_epochs)
        if self.progress not in get_args(Shown):
            raise OptionError(
                "where: progress is unknown.", f"Choose one of: {', '.join(get_args(Shown))}.", progress=self.progress
            )
