"""train.progress: a bar for people at a terminal, lines for logs, and all of it on standard error."""

import io
import re
import sys

import pytest

from striate.train import progress_for
from striate.train.progress import Bar, Lines, Progress

ROW = {
    "epoch": 2,
    "step": 20,
    "learning_rate": 0.05,
    "train_loss": 0.51234,
    "train_accuracy": 0.875,
    "val_loss": 0.25,
    "val_accuracy": 0.9375,
    "images_per_second": 1234.5,
    "skipped": 0,
    "seconds": 1.0,
}
SENTENCE = "loss 0.5123  accuracy 87.50%  validation loss 0.2500  accuracy 93.75%  rate 0.05  images/s 1,234"


class Terminal(io.StringIO):
    """What a program believes to be a screen."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Give `terminal()`: from then on, standard error is a screen, which it returns."""

    def terminal():
        for name, value in {"TERM": "xterm", "COLUMNS": "160"}.items():
            monkeypatch.setenv(name, value)
        for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(sys, "stderr", Terminal())
        return sys.stderr

    return terminal


def told(progress, *rows):
    """Tell it of a whole training."""
    progress.start(total=40, done=10, epochs=4)
    progress.step(done=15, epoch=2, loss=0.5, accuracy=0.75, images_per_second=1000.0)
    for row in rows:
        progress.epoch(row)
    progress.note("no better validation for [3] epochs")
    progress.close()


@pytest.mark.parametrize(("shown", "kind"), [("bar", Bar), ("lines", Lines), ("none", Progress), ("auto", Lines)])
def test_it_shows_what_is_asked_for(shown, kind):
    """Without a terminal, auto is lines."""
    assert type(progress_for(shown)) is kind


def test_on_a_terminal_auto_is_a_bar(terminal):
    """For people."""
    terminal()
    assert type(progress_for("auto")) is Bar


def test_lines_say_an_epoch_s_numbers(capsys):
    """One line an epoch, on standard error; standard output is left to results."""
    told(progress_for("lines"), ROW)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [f"epoch 2/4  {SENTENCE}", "no better validation for [3] epochs"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"train_loss": None, "train_accuracy": None}, SENTENCE.removeprefix("loss 0.5123  accuracy 87.50%  ")),
        ({"val_loss": None}, SENTENCE.replace("validation loss 0.2500  ", "")),
        ({"images_per_second": None}, SENTENCE.removesuffix("  images/s 1,234")),
        ({"skipped": 3}, f"{SENTENCE}  (3 steps skipped: not finite)"),
    ],
)
def test_lines_leave_out_what_is_not_known(capsys, change, said):
    """And say what was skipped."""
    told(progress_for("lines"), {**ROW, **change})
    assert capsys.readouterr().err.splitlines()[0] == f"epoch 2/4  {said}"


def test_a_long_epoch_says_now_and_then_where_it_is(capsys, monkeypatch):
    """After half a minute without a word, and not before."""
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    lines = progress_for("lines")
    lines.start(total=40, done=10, epochs=4)
    for seconds in (29.0, 2.0, 20.0):
        clock[0] += seconds
        lines.step(done=15, epoch=2, loss=0.5, accuracy=0.75, images_per_second=1000.0)
    assert capsys.readouterr().err == "epoch 2/4  step 15/40  loss 0.5000  accuracy 75.00%  1,000 images/s\n"


def test_a_bar_shows_loss_accuracy_speed_and_time(terminal, capsys):
    """And prints above itself each epoch that is the best so far, and every note, letter by letter."""
    screen = terminal()
    told(progress_for("bar"), ROW, {**ROW, "epoch": 3, "val_accuracy": 0.5}, {**ROW, "epoch": 4, "val_accuracy": 0.99})
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue())
    for text in ("loss 0.5000", "accuracy 75.00%", "1,000 images/s", f"epoch   2/4  {SENTENCE}", "epoch   4/4"):
        assert text in plain
    assert "epoch   3/4  loss" not in plain
    assert "no better validation for [3] epochs" in plain
    assert capsys.readouterr().out == ""


def test_a_bar_is_taken_away(terminal):
    """The cursor is shown again, whatever ended the training."""
    screen = terminal()
    told(progress_for("bar"))
    assert screen.getvalue().rindex("\x1b[?25h") > screen.getvalue().rindex("\x1b[?25l")


def test_silence_is_silent(capsys):
    """Not a word, anywhere."""
    told(progress_for("none"), ROW)
    assert capsys.readouterr() == ("", "")
