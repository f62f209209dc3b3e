"""Showing how far the reading of the data has come."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from striate.train.progress import Shown

__all__ = ["scan_progress"]

# Most data is read sooner; a bar that only flashes is noise.
PATIENCE_SECONDS: Final = 1.0
# Where there is no terminal, a line comes at most so often: a log that says nothing for minutes looks dead.
LINE_SECONDS: Final = 30.0


@contextmanager
def scan_progress(shown: Shown, *, what: str = "reading the data") -> Generator[Callable[[int, int], None]]:
    """Give a function that takes how many files are done, of how many, and draws a bar if it takes long.

    Args:
        shown: As for training; without a terminal, a line every half minute.
        what: Said beside the bar, or before the numbers.
    """
    if shown == "none":
        yield lambda done, total: None
        return
    from rich.console import Console  # not at import: see train.progress
    from rich.progress import MofNCompleteColumn, Progress

    console = Console(stderr=True)
    bar = Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=console, transient=True)
    task = bar.add_task(what)
    drawn = console.is_terminal and shown != "lines"
    last = time.monotonic()

    def told(done: int, total: int) -> None:
        nonlocal last
        bar.update(task, completed=done, total=total)
        waited = time.monotonic() - last
        if drawn and not bar.live.is_started and waited > PATIENCE_SECONDS:
            bar.start()
        elif not drawn and shown != "bar" and waited > LINE_SECONDS:
            print(f"{what}: {done:,} of {total:,}", file=sys.stderr, flush=True)
            last = time.monotonic()

    try:
        yield told
    finally:
        if bar.live.is_started:  # otherwise it would still end a line that it never began
            bar.stop()
