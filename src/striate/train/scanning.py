"""Showing how far the reading of the data has come."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from striate.train.progress import Shown

__all__ = ["scan_progress"]

# Most data is read sooner; a bar that only flashes is noise.
PATIENCE_SECONDS: Final = 1.0


@contextmanager
def scan_progress(shown: Shown, *, what: str = "reading the data") -> Generator[Callable[[int, int], None]]:
    """Give a function that takes how many files are done, of how many, and draws a bar if it takes long.

    Args:
        shown: As for training; without a terminal, or with `none`, nothing is drawn.
        what: Said beside the bar.
    """
    if shown == "none":
        yield lambda done, total: None
        return
    from rich.console import Console  # not at import: see train.progress
    from rich.progress import MofNCompleteColumn, Progress

    console = Console(stderr=True)
    bar = Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=console, transient=True)
    task = bar.add_task(what)
    began = time.monotonic()

    def told(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)
        if console.is_terminal and not bar.live.is_started and time.monotonic() - began > PATIENCE_SECONDS:
            bar.start()

    try:
        yield told
    finally:
        if bar.live.is_started:  # otherwise it would still end a line that it never began
            bar.stop()
