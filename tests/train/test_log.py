"""train.log: what happened, once, whatever was cut."""

import csv
import errno
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from striate.errors import RunError
from striate.train import Log, read_epochs
from striate.train.log import COLUMNS


def epoch_row(epoch, steps=10):
    numbers = dict.fromkeys(COLUMNS, epoch + 0.5)
    return {**numbers, "epoch": epoch, "step": epoch * steps, "skipped": 0, "val_loss": None}


def filled(folder, epochs=3):
    """Write the log of so many epochs of ten steps, with a row in the middle of each."""
    log = Log(folder)
    for epoch in range(1, epochs + 1):
        log.write("step", {"step": epoch * 10 - 5, "loss": 0.5})
        log.write("epoch", epoch_row(epoch))
    log.close()


def rows(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def table(folder):
    return list(csv.DictReader(io.StringIO((folder / "log.csv").read_text())))


def test_rows_come_back_as_they_were_written(tmp_path):
    """In their order; the epochs alone through `read_epochs`."""
    filled(tmp_path)
    assert [(row["kind"], row["step"]) for row in rows(tmp_path)] == [
        ("step", 5), ("epoch", 10), ("step", 15), ("epoch", 20), ("step", 25), ("epoch", 30),
    ]  # fmt: skip
    assert read_epochs(tmp_path) == [{"kind": "epoch", **epoch_row(epoch)} for epoch in (1, 2, 3)]


def test_the_table_has_the_epochs_in_fixed_columns(tmp_path):
    """One line an epoch, an empty cell for what is not known, the columns that are documented."""
    filled(tmp_path)
    assert (tmp_path / "log.csv").read_text().splitlines()[0] == (
        "epoch,step,learning_rate,train_loss,train_accuracy,val_loss,val_accuracy,images_per_second,skipped,seconds"
    )
    assert [(row["epoch"], row["step"], row["val_loss"], row["seconds"]) for row in table(tmp_path)] == [
        ("1", "10", "", "1.5"), ("2", "20", "", "2.5"), ("3", "30", "", "3.5"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("step", "epochs", "left"), [(30, 3, 6), (27, 2, 5), (20, 2, 4), (20, 1, 3), (12, 1, 2), (0, 0, 0)]
)
def test_rows_of_work_that_was_lost_are_dropped(tmp_path, step, epochs, left):
    """At the step where an epoch ends, its row counts only if the checkpoint knows of it; else it would come twice."""
    filled(tmp_path)
    before = rows(tmp_path)
    Log(tmp_path, step=step, epochs=epochs).close()
    assert rows(tmp_path) == before[:left]
    assert [row["epoch"] for row in table(tmp_path)] == [str(epoch + 1) for epoch in range(epochs)]


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_line_that_was_cut_short_is_passed_over(tmp_path, cut):
    """The lines before it are read, and what is written after it stands on a line of its own."""
    filled(tmp_path)
    path = tmp_path / "log.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    assert [row["epoch"] for row in read_epochs(tmp_path)][:2] == [1, 2]
    log = Log(tmp_path, step=25, epochs=2)
    log.write("epoch", epoch_row(3))
    log.close()
    assert [row["epoch"] for row in read_epochs(tmp_path)] == [1, 2, 3]
    assert [row["epoch"] for row in table(tmp_path)] == ["1", "2", "3"]


def test_strange_lines_are_passed_over(tmp_path):
    """Bytes that are no text, JSON that is no row, nests too deep to read."""
    filled(tmp_path)
    with (tmp_path / "log.jsonl").open("ab") as file:
        file.write(b'\xff\xfe\n[1]\nnull\n{"no": "kind"}\n\n' + b"[" * 100_000 + b"\n")
    assert len(read_epochs(tmp_path)) == 3


def test_names_with_odd_bytes_are_carried(tmp_path):
    """A skipped batch names its samples, whatever they are called."""
    log = Log(tmp_path)
    log.write("skip", {"step": 1, "samples": ["caf\udce9", "猫", "a\u2028b"]})
    log.close()
    assert rows(tmp_path)[0]["samples"] == ["caf\udce9", "猫", "a\u2028b"]


def test_before_the_first_epoch_there_is_none(tmp_path):
    """A run that has only begun can be reported."""
    assert read_epochs(tmp_path) == []


def test_a_number_that_is_not_finite_is_a_mistake_of_ours(tmp_path):
    """JSON knows none, and readers other than Python's would stop there."""
    log = Log(tmp_path)
    with pytest.raises(ValueError, match="JSON compliant"):
        log.write("epoch", {**epoch_row(1), "train_loss": float("nan")})
    assert rows(tmp_path) == []


@pytest.mark.refusal
def test_a_full_disk_is_one_clear_error(tmp_path, monkeypatch):
    """The message names the run's folder."""
    log, real = Log(tmp_path), Path.open

    def full(self, mode="r", **options):
        if mode == "a":
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, mode, **options)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(RunError) as error:
        log.write("epoch", epoch_row(1))
    assert str(error.value) == (
        "log: the system refuses to write: No space left on device.\n"
        f"  path  {tmp_path}\n"
        "Make room or give write permission, or choose another folder; what was saved before is whole."
    )


def test_tensorboard_is_told_if_it_is_there(tmp_path, monkeypatch):
    """Every float of every row, under its kind; what comes after the step where training goes on is hidden."""
    told = []

    class Writer:
        def __init__(self, folder, purge_step):
            told.append((folder, purge_step))

        def add_scalar(self, name, value, step):
            told.append((name, value, step))

        def close(self):
            told.append("closed")

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    log = Log(tmp_path, step=4)
    log.write("step", {"step": 5, "loss": 0.25, "learning_rate": 0.1})
    log.close()
    assert told == [
        (str(tmp_path / "tensorboard"), 5), ("step/loss", 0.25, 5), ("step/learning_rate", 0.1, 5), "closed",
    ]  # fmt: skip


def test_without_tensorboard_there_is_none(tmp_path, monkeypatch):
    """It is nobody's duty to install it."""
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    filled(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.csv", "log.jsonl"]


def test_the_real_tensorboard_writes(tmp_path):
    """Where it is installed."""
    pytest.importorskip("tensorboard")
    filled(tmp_path)
    assert list((tmp_path / "tensorboard").iterdir())
