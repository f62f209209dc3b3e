"""train.scanning: a bar where reading takes long and someone watches, and otherwise not a byte."""

import io
from contextlib import redirect_stderr

import pytest

from striate.train import scanning
from striate.train.scanning import scan_progress


class Terminal(io.StringIO):
    """A terminal that remembers."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """A terminal, to which standard error is led; patience is short."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(scanning, "PATIENCE_SECONDS", 0.0)
    return Terminal()


@pytest.mark.parametrize("shown", ["auto", "bar", "lines", "none"])
def test_without_a_terminal_what_is_soon_done_is_not_told(shown, capsys, monkeypatch):
    """Not even the end of a line: what a script reads stays clean."""
    monkeypatch.setattr(scanning, "PATIENCE_SECONDS", 0.0)
    with scan_progress(shown) as told:
        told(1, 2)
        told(2, 2)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("shown", "lines"), [("auto", 2), ("lines", 2), ("bar", 0), ("none", 0)])
def test_without_a_terminal_there_is_a_line_now_and_then(shown, lines, capsys, monkeypatch):
    """To standard error: what a script reads stays clean; whoever wants a bar or nothing gets no line."""
    monkeypatch.setattr(scanning, "LINE_SECONDS", -1.0)
    with scan_progress(shown, what="looking") as told:
        told(1, 2000)
        told(2000, 2000)
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.splitlines() == ["looking: 1 of 2,000", "looking: 2,000 of 2,000"][:lines]


def test_what_is_soon_done_is_not_shown(terminal, monkeypatch):
    """A bar that only flashes is noise."""
    monkeypatch.setattr(scanning, "PATIENCE_SECONDS", 1e9)
    with redirect_stderr(terminal), scan_progress("auto") as told:
        told(1, 2)
    assert terminal.getvalue() == ""


def test_a_long_scan_shows_how_far_it_is(terminal):
    """What is done, of how many, and what for."""
    with redirect_stderr(terminal), scan_progress("auto", what="looking") as told:
        told(1, 2)
        told(2, 2)
    assert "looking" in terminal.getvalue()
    assert "2/2" in terminal.getvalue()


def test_none_shows_nothing_to_anybody(terminal):
    """Though it takes long, on a terminal."""
    with redirect_stderr(terminal), scan_progress("none") as told:
        told(1, 2)
    assert terminal.getvalue() == ""


def test_an_error_takes_the_bar_away(terminal):
    """The cursor is shown again, and the next scan may draw."""

    def scan():
        with scan_progress("auto") as told:
            told(1, 2)
            raise ValueError("bad")

    with redirect_stderr(terminal), pytest.raises(ValueError, match="bad"):
        scan()
    assert terminal.getvalue().rindex("\x1b[?25h") > terminal.getvalue().rindex("\x1b[?25l")
