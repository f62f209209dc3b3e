"""The log of a run: one line of JSON for each thing that happened, and the epochs as a table.

`log.jsonl` has rows of two kinds: `step`, now and then, and `epoch`. `log.csv` has the epochs alone.
"""

import csv
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from striate.train.durable import explained, replace_file

__all__ = ["COLUMNS", "Log", "read_epochs"]

COLUMNS: Final = (
    "epoch",
    "step",
    "learning_rate",
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "images_per_second",
    "skipped",
    "seconds",
)


class Log:
    """Appends to a run's log, and to TensorBoard if that is installed.

    Args:
        folder: The run's folder.
        step: Where training goes on; rows of later steps, of work that was lost, are dropped.
        epochs: Epochs that are done there; at the same step, the last one's row may have been written or not.

    Raises:
        RunError: The folder cannot be written.
    """

    def __init__(self, folder: Path, *, step: int = 0, epochs: int = 0) -> None:
        self.folder = folder
        rows = [row for row in _read(folder) if row.get("step", 0) <= step and row.get("epoch", 0) <= epochs]
        with explained("log", folder):
            replace_file(folder / "log.jsonl", "".join(map(_line, rows)).encode())
            table = [row for row in rows if row["kind"] == "epoch"]
            replace_file(folder / "log.csv", (_cells(COLUMNS) + "".join(map(_csv, table))).encode())
            self._board = _tensorboard(folder, step)

    def write(self, kind: str, row: Mapping[str, Any]) -> None:
        """Append a row.

        Raises:
            RunError: The disk is full, or the like.
        """
        row = {"kind": kind, **row}
        with explained("log", self.folder):
            _append(self.folder / "log.jsonl", _line(row), safely=kind == "epoch")
            if kind == "epoch":
                _append(self.folder / "log.csv", _csv(row), safely=True)
            if self._board:
                for name, value in row.items():
                    if isinstance(value, float):
                        self._board.add_scalar(f"{kind}/{name}", value, row["step"])

    def close(self) -> None:
        """Let TensorBoard's writer finish."""
        if self._board:
            self._board.close()


def read_epochs(folder: Path) -> list[dict[str, Any]]:
    """Read the epochs that a run's log holds; a line that a crash cut short is passed over."""
    return [row for row in _read(folder) if row["kind"] == "epoch"]


def _read(folder: Path) -> list[dict[str, Any]]:
    path = folder / "log.jsonl"
    rows: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and "kind" in row and isinstance(row.get("step", 0), int):
            rows.append(row)
    return rows


def _append(path: Path, line: str, *, safely: bool) -> None:
    """Add a line; safely, where the checkpoint that follows will count it as written."""
    with path.open("a", encoding="utf-8") as file:
        file.write(line)
        if safely:
            file.flush()
            os.fsync(file.fileno())


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, allow_nan=False) + "\n"


def _csv(row: Mapping[str, Any]) -> str:
    return _cells([row.get(column) for column in COLUMNS])


def _cells(values: Any) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()


def _tensorboard(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter  # a second to import, and absent on most machines
    except ImportError:
        return None
    # What a run that was cut had written after `step` is hidden by TensorBoard itself.
    return SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)
