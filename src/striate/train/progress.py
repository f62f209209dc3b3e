"""Showing how training goes: a bar where there is a terminal, plain lines where there is none."""

import sys
import time
from collections.abc import Mapping
from typing import Any, Final, Literal

__all__ = ["Progress", "Shown", "progress_for"]

Shown = Literal["auto", "bar", "lines", "none"]


class Progress:
    """Something that is told how training goes; this one shows nothing. The others show it on standard error."""

    def start(self, *, total: int, done: int, epochs: int) -> None:
        """Training begins at step `done` of `total`."""

    def step(self, *, done: int, epoch: int, loss: float, accuracy: float, images_per_second: float) -> None:
        """A step is done; told a few times a second."""

    def epoch(self, row: Mapping[str, Any]) -> None:
        """An epoch is done; `row` is its line of the log."""

    def note(self, text: str) -> None:
        """Something a person should know."""

    def close(self) -> None:
        """Training ends."""


class Lines(Progress):
    """Prints a line an epoch, and one now and then within a long one."""

    SECONDS: Final = 30.0

    def __init__(self) -> None:
        self.epochs, self.total, self.spoke = 0, 0, time.monotonic()

    def start(self, *, total: int, done: int, epochs: int) -> None:
        """Remember what the whole is."""
        self.epochs, self.total = epochs, total

    def step(self, *, done: int, epoch: int, loss: float, accuracy: float, images_per_second: float) -> None:
        """Print, if nothing was printed for half a minute."""
        if time.monotonic() - self.spoke > self.SECONDS:
            self.note(
                f"epoch {epoch}/{self.epochs}  step {done}/{self.total}  loss {loss:.4f}  accuracy {accuracy:.2%}  "
                f"{images_per_second:,.0f} images/s"
            )

    def epoch(self, row: Mapping[str, Any]) -> None:
        """Print the epoch's numbers."""
        self.note(f"epoch {row['epoch']}/{self.epochs}  {_sentence(row)}")

    def note(self, text: str) -> None:
        """Print a line."""
        print(text, file=sys.stderr, flush=True)
        self.spoke = time.monotonic()


class Bar(Progress):
    """Draws a bar over all epochs, and prints the best epochs above it."""

    def __init__(self) -> None:
        from rich.console import Console  # not at import: many users of the package never train
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self.epochs, self.best = 0, -1.0
        self.bar = RichProgress(
            TextColumn("epoch {task.fields[epoch]:>3}/{task.fields[epochs]}"),
            BarColumn(),
            TextColumn("loss {task.fields[loss]:.4f}  accuracy {task.fields[accuracy]:6.2%}"),
            TextColumn("[dim]{task.fields[speed]:,.0f} images/s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self.task = self.bar.add_task("train", epoch=0, epochs=0, loss=0.0, accuracy=0.0, speed=0.0)

    def start(self, *, total: int, done: int, epochs: int) -> None:
        """Begin to draw."""
        self.epochs = epochs
        self.bar.update(self.task, total=total, completed=done, epochs=epochs)
        self.bar.start()

    def step(self, *, done: int, epoch: int, loss: float, accuracy: float, images_per_second: float) -> None:
        """Move the bar."""
        self.bar.update(self.task, completed=done, epoch=epoch, loss=loss, accuracy=accuracy, speed=images_per_second)

    def epoch(self, row: Mapping[str, Any]) -> None:
        """Print the epoch if it is the best so far."""
        if row["val_accuracy"] is not None and row["val_accuracy"] > self.best:
            self.best = row["val_accuracy"]
            self.bar.console.print(f"epoch {row['epoch']:>3}/{self.epochs}  {_sentence(row)}", highlight=False)

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        self.bar.console.print(text, highlight=False, markup=False)

    def close(self) -> None:
        """Take the bar away."""
        self.bar.stop()


def progress_for(shown: Shown) -> Progress:
    """Choose how to show it; `auto` draws a bar on a terminal and prints lines elsewhere."""
    if shown == "auto":
        shown = "bar" if sys.stderr.isatty() else "lines"
    return {"bar": Bar, "lines": Lines, "none": Progress}[shown]()


def _sentence(row: Mapping[str, Any]) -> str:
    parts = [("loss", row["train_loss"], ".4f"), ("accuracy", row["train_accuracy"], ".2%")]
    parts += [("validation loss", row["val_loss"], ".4f"), ("accuracy", row["val_accuracy"], ".2%")]
    parts += [("rate", row["learning_rate"], ".2g"), ("images/s", row["images_per_second"], ",.0f")]
    said = "  ".join(f"{name} {value:{form}}" for name, value, form in parts if value is not None)
    skipped = f"  ({row['skipped']} steps skipped: not finite)" if row["skipped"] else ""
    return f"{said}{skipped}"
