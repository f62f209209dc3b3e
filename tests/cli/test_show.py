"""cli.show: what the commands print: names are only names, tables fit, CSV and JSON are read back."""

import csv
import io
import json
import re
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from striate.cli import show
from striate.engine import Peaks, machine
from striate.evaluate import Evaluation, Predicted, measure
from striate.models import MODELS, create, summary
from striate.recipes import Recipe, Rehearsal
from striate.tasks import Prediction
from striate.train import Run

NAMES = ["plain", "[bold]x[/bold]", "[/x]", ":cat:", "ünï ☃", "back\\", "[link=file:///etc]a[/link]", "{0} %s"]
STRANGE = [*NAMES, "two\nlines", "\x1b[31mred", b"caf\xe9".decode("utf-8", "surrogateescape"), "a\tb", "\u202egnp"]


class Terminal(io.StringIO):
    """A terminal that remembers."""

    def isatty(self):
        return True


def predicted(path, classes=("cat", "dog")):
    """A file and what it is."""
    return Predicted(path, Prediction(tuple(classes), (0.75, 0.25)))


def judged(names, data="data"):
    """An evaluation in which everything is right."""
    labels = torch.arange(len(names))
    probabilities = torch.eye(len(names)).double()
    metrics = measure(probabilities, labels, names)
    return Evaluation(
        Path("run"), "lenet5", data, "test", metrics, (), ("Mind [this].",), (), "striate evaluate run", 7
    )


def plain(text):
    """Without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_printed_as_it_is(name, capsys):
    """Whether it is a file's, a class's or the data's, and whatever it would mean elsewhere."""
    show.predictions([predicted(name, (name, "other"))], "table")
    assert capsys.readouterr().out.splitlines()[-1].count(name) == 2
    show.evaluation(judged([name, "other"], data=name))
    out = capsys.readouterr().out.splitlines()
    assert out[0].rstrip() == f"lenet5 on {name}, test: 2 images"
    assert any(line.split("  ")[0].strip() == name for line in out)


@pytest.mark.parametrize("name", STRANGE)
def test_no_name_breaks_its_line_or_speaks_to_the_terminal(name, capsys):
    """One line a file, and no byte that moves or colours."""
    show.predictions([predicted(name), predicted("b.png")], "table")
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 3
    assert not any(c in out for c in "\x1b\t\u202e\udce9")


@pytest.mark.parametrize("name", STRANGE)
def test_csv_is_read_back(name):
    """Every name, every digit."""
    with redirect_stdout(io.StringIO(newline="")) as out:
        assert show.predictions([predicted(name, (name, "dog"))], "csv") == 0
    out.seek(0)
    (row,) = csv.DictReader(out)
    assert row == {"path": name, "class": name, "probability": "0.75", "class_2": "dog", "probability_2": "0.25"}


@pytest.mark.parametrize("name", STRANGE)
def test_json_is_read_back(name, capsys):
    """Every name, as ASCII, whatever the terminal."""
    assert show.predictions([predicted(name, (name, "dog"))], "json") == 0
    out = capsys.readouterr().out
    assert out.isascii()
    expected = {"path": name, "class": name, "probability": 0.75, "next": [{"class": "dog", "probability": 0.25}]}
    assert json.loads(out) == [expected]


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_bad_files_are_named_and_the_status_says_so(form, capsys):
    """On standard error, beside the others' predictions."""
    assert show.predictions([predicted("a.png"), Predicted("b\n.png", None, "0 bytes")], form) == 1
    out, err = capsys.readouterr()
    assert err == "error: 'b\\n.png': 0 bytes\n"
    assert "a.png" in out


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_no_images_is_an_error(form, capsys):
    """A folder without images was hardly meant."""
    assert show.predictions([], form) == 1
    assert capsys.readouterr().err == "error: there are no images in what was given\n"


def test_where_no_terminal_says_how_wide_it_is_nothing_is_cut(capsys, monkeypatch):
    """A script reads whole names, and no colours."""
    monkeypatch.setenv("COLUMNS", "80")
    name = "x" * 300
    show.predictions([predicted(name)], "table")
    out = capsys.readouterr().out
    assert name in out
    assert "\x1b" not in out


@pytest.mark.parametrize("no_color", [False, True])
@pytest.mark.parametrize("columns", [40, 80])
def test_on_a_terminal_everything_fits_and_nothing_is_lost(columns, no_color, monkeypatch):
    """Long names are folded; colours are left out where they are not wanted."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1") if no_color else monkeypatch.delenv("NO_COLOR", raising=False)
    name = "".join(chr(ord("a") + i % 26) for i in range(120))
    with redirect_stdout(Terminal()) as out:
        show.predictions([predicted(name)], "table")
        show.summary(summary(create("lenet5"), (1, 32, 32)), "lenet5")
        show.models({"lenet5": (MODELS["lenet5"], create("lenet5"))})
    text = plain(out.getvalue())
    assert all(len(line) <= columns for line in text.splitlines())
    pieces = [line.split("  ")[0].strip() for line in text.splitlines()]
    assert name in "".join(pieces[: len(pieces) // 2])
    assert not no_color or not re.search(r"\x1b\[[0-9;]*(3|4|9)[0-7][;m]", out.getvalue())


def test_the_summary_adds_up(capsys):
    """A row a layer, and the sum of their parameters and multiply-adds."""
    show.summary(summary(create("resnet20"), (3, 32, 32)), "resnet20")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("resnet20, for an input of 3 x 32 x 32")
    found = summary(create("resnet20"), (3, 32, 32))
    assert len(lines) == len(found.rows) + 4  # a title, a header of two lines, and the sum
    assert lines[-1].split() == ["total", "269,722", f"{found.multiply_adds:,}"]


def test_the_metrics_are_the_evaluation_s(capsys):
    """A row a class, two averages, and the notes."""
    show.evaluation(judged(["cat", "dog"]))
    out = capsys.readouterr().out
    assert re.search(r"cat +1\.0000 +1\.0000 +1\.0000 +1\b", out)
    assert re.search(r"weighted average +1\.0000 +1\.0000 +1\.0000 +2\b", out)
    assert "accuracy           100.00%" in out
    assert "note               Mind [this]." in out
    assert out.endswith("report             run/report.html\n")


def row(epoch, accuracy, loss):
    """An epoch of the log."""
    return json.dumps({"kind": "epoch", "epoch": epoch, "step": epoch, "val_accuracy": accuracy, "val_loss": loss})


def test_the_best_epoch_is_the_one_whose_weights_are_kept(tmp_path, capsys):
    """Of equal accuracy the lower loss; never one that is not finite."""
    rows = [row(1, 0.5, 2.0), row(2, 0.75, 1.5), row(3, 0.75, 1.25), row(4, 0.75, 1.5), row(5, 1.0, None)]
    (tmp_path / "log.jsonl").write_text("\n".join(rows))
    assert show.trained(Run(tmp_path)) == 0
    assert capsys.readouterr().out.splitlines()[0] == "best validation accuracy 75.00%, after epoch 3"


def test_a_run_without_an_epoch_has_no_best(tmp_path, capsys):
    """Only where it is, and what is next."""
    (tmp_path / "log.jsonl").write_text('{"kind": "epoch"}\n')
    show.trained(Run(tmp_path))
    assert capsys.readouterr().out == f"run       {tmp_path}\nnext      striate evaluate {tmp_path}\n"


def test_a_rehearsal_says_what_training_would_do(capsys):
    """In five lines."""
    found = Rehearsal(Recipe().changed(epochs=1), {"train": 1079, "val": 359}, 10, 61706, 34, 2.3, 0.4)
    assert show.rehearsal(found) == 0
    assert capsys.readouterr().out == (
        "lenet5: 61,706 parameters\n"
        "1,079 train, 359 val images in 10 classes\n"
        "34 steps, epochs: 1, about 0.4 s\n"
        "loss of the first step: 2.3000\n"
        "nothing was written\n"
    )
    assert show.rehearsal(replace(found, weights="weights digits: 10 tensors loaded")) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["weights digits: 10 tensors loaded", "nothing was written"]


def test_the_machine_as_a_table_and_as_json(capsys):
    """The same facts."""
    found, peaks = machine(), Peaks("avx2", 2, 1e10, 2e10, 3e9, 4e9, 2**28)
    assert show.machine(found, peaks, "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["machine"]["processor"] == found.processor
    assert document["peaks"]["isa"] == peaks.isa
    assert show.machine(found, peaks, "table") == 0
    out = capsys.readouterr().out
    assert found.processor in out
    assert re.search(r"multiply-adds, 2 threads +20\.0 GFLOP/s", out)
