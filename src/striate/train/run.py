"""A run's folder: what is being trained, its checkpoints and its log.

    RUN/
        run.json            the recipe, the network, the classes, the preprocessing, the command, the machine
        checkpoints/        see `train.checkpoint`
        log.jsonl, log.csv  see `train.log`
        metrics.json, predictions.csv, report.html      written by evaluation

It appears with its `run.json` inside, so whatever looks like a run can be resumed.
"""

import fcntl
import json
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from striate.errors import RunError
from striate.train.checkpoint import Checkpoints
from striate.train.durable import explained, json_bytes, make_folder, remove_leftovers, write_folder

__all__ = ["Run", "create_run"]


@dataclass(frozen=True)
class Run:
    """A run that exists.

    Args:
        path: Its folder.
    """

    path: Path

    @cached_property
    def about(self) -> dict[str, Any]:
        """What `run.json` says.

        Raises:
            RunError: The folder is no run.
        """
        try:
            about = json.loads((self.path / "run.json").read_bytes())
        except (OSError, ValueError, RecursionError):
            about = None
        if not isinstance(about, dict):
            raise RunError(
                f"run: {self.path} is no run: it holds no readable run.json.",
                "Pass the folder that `striate train` named, such as runs/digits-lenet5.",
            )
        return about

    @property
    def checkpoints(self) -> Checkpoints:
        """Its checkpoints."""
        return Checkpoints(self.path / "checkpoints")

    @contextmanager
    def locked(self) -> Generator[None]:
        """Keep other processes from training this run; remove what a crash left.

        Raises:
            RunError: Another process is training it, or the folder cannot be written.
        """
        with explained("run", self.path):
            lock = (self.path / "lock").open("w")
        with lock:
            with explained("run", self.path):
                try:
                    # The kernel takes the lock back when the process ends, however it ends. Not `flock`: the loader's
                    # workers would inherit it, and hold it for seconds after their parent was killed.
                    fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except (BlockingIOError, PermissionError) as error:
                    raise RunError(
                        f"run: another process is training {self.path}.", "Wait for it, or stop it first."
                    ) from error
                remove_leftovers(self.path)
            self.checkpoints.clean()
            yield


def create_run(parent: Path, name: str, about: Mapping[str, Any]) -> Run:
    """Make the folder of a new run, `parent/name`, or `name-2` and so on if that is taken.

    Raises:
        RunError: The folder cannot be written.
    """
    name = re.sub(r"[^\w.-]+", "-", name).strip(".-") or "run"
    path, count = parent / name, 1
    with explained("run", path):
        make_folder(parent)
        while True:
            try:
                write_folder(path, {"run.json": json_bytes(about)})
                return Run(path)
            except OSError:
                # Renaming onto a folder that is not empty is refused: another run has the name.
                if not path.exists() or (path.is_dir() and not any(path.iterdir())):
                    raise
            count += 1
            path = parent / f"{name}-{count}"
