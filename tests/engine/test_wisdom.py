"""engine.wisdom: what was measured is found again, here and nowhere else; no file stops anybody."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from striate.engine import wisdom
from striate.engine.wisdom import Remembered, books, kernels, preferred, recall, remember, user_file

FOUND = Remembered("forward  N=1 C=2", 1, {"torch": 1e-3, "direct": 2e-3}, 7)
CORRECTED = replace(FOUND, seconds={"torch": 3e-3, "direct": 2e-3})


@pytest.fixture(autouse=True)
def path(tmp_path, monkeypatch):
    """The user's file; nothing is known at first, and nothing of ours counts."""
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("STRIATE_WISDOM", raising=False)
    monkeypatch.setattr(wisdom, "SHIPPED", tmp_path / "shipped.jsonl")
    forget(monkeypatch)
    return tmp_path / "cache" / "wisdom.jsonl"


def forget(monkeypatch):
    """What this process has measured: as if another one asked."""
    monkeypatch.setattr(wisdom, "_LEARNT", {})


def found_again(**changes):
    """What is known of the problem, or of one that differs."""
    asked = {"problem": FOUND.problem, "threads": 1, **changes}
    return recall(asked.pop("problem"), **asked)


def test_what_is_remembered_is_recalled(path, monkeypatch):
    """By this process and by the next."""
    assert found_again() is None
    assert remember(FOUND) == ""
    assert found_again() == FOUND
    forget(monkeypatch)
    assert found_again() == FOUND
    assert path.read_text().count("\n") == 1


@pytest.mark.parametrize("other", [{"problem": "forward  N=2 C=2"}, {"threads": 2}])
def test_another_problem_is_not_this_one(other, monkeypatch):
    """Whatever it differs in."""
    remember(FOUND)
    forget(monkeypatch)
    assert found_again(**other) is None


@pytest.mark.parametrize("field", ["kernels", "processor", "isa"])
def test_other_machines_and_kernels_say_nothing_about_these(path, monkeypatch, field):
    """Their lines are valid, and left alone."""
    remember(FOUND)
    forget(monkeypatch)
    line = json.loads(path.read_text())
    path.write_text(json.dumps({**line, field: "another"}) + "\n")
    assert found_again() is None
    assert [book.skipped for book in books()] == [0, 0]


def test_the_last_line_of_a_problem_wins(monkeypatch):
    """To measure again is to correct."""
    remember(FOUND)
    remember(CORRECTED)
    forget(monkeypatch)
    assert found_again() == CORRECTED


def test_files_are_merged_by_concatenation_and_the_user_wins(path, monkeypatch):
    """Over the package's own file."""
    remember(FOUND)
    wisdom.SHIPPED.write_text(path.read_text())
    path.unlink()
    forget(monkeypatch)
    assert found_again() == FOUND
    remember(CORRECTED)
    forget(monkeypatch)
    assert found_again() == CORRECTED
    wisdom.SHIPPED.write_text(path.read_text() + wisdom.SHIPPED.read_text())
    path.unlink()
    assert found_again() == FOUND


@pytest.mark.parametrize(
    "damage",
    [
        "{",
        "[]",
        "3",
        "null",
        "\0\0\0",
        "[" * 100_000,
        '{"w": 1}',
        {"w": 2},
        {"seconds": {"torch": -1.0}},
        {"seconds": {"torch": float("nan")}},
        {"seconds": {"torch": 10**400}},
        {"seconds": ["torch"]},
        {"threads": "1"},
        {"turns": None},
        {"processor": []},
    ],
)
def test_damaged_lines_are_skipped_and_counted(path, monkeypatch, damage):
    """Those around them count."""
    remember(FOUND)
    forget(monkeypatch)
    line = path.read_text()
    bad = damage if isinstance(damage, str) else json.dumps({**json.loads(line), **damage})
    path.write_text(f"{bad}\n{line}\n{bad}\n")
    assert found_again() == FOUND
    assert books()[0].skipped == 2


def test_a_line_after_one_that_was_cut_off_is_whole(path, monkeypatch):
    """As after a full disk, or a loss of power."""
    remember(replace(FOUND, problem="N=3"))
    path.write_bytes(path.read_bytes()[:-9])
    remember(FOUND)
    forget(monkeypatch)
    assert found_again() == FOUND
    assert books()[0].skipped == 1


def test_bytes_that_are_no_text_are_survived(path, monkeypatch):
    """They are a damaged line."""
    remember(FOUND)
    path.write_bytes(os.urandom(64).replace(b"\n", b"") + b"\xff\n" + path.read_bytes())
    forget(monkeypatch)
    assert found_again() == FOUND


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="this user may write everywhere")
def test_a_folder_that_cannot_be_written_is_survived(path):
    """The process remembers; a sentence says why nobody else will."""
    path.parent.mkdir()
    path.parent.chmod(0o500)
    assert remember(FOUND) == f"nothing is written to {path}: Permission denied"
    assert found_again() == FOUND


def test_a_file_in_the_way_is_survived(path):
    """Where a folder should be."""
    path.parent.write_text("")
    assert remember(FOUND) == f"nothing is written to {path}: File exists"
    assert found_again() == FOUND
    assert books()[0].unreadable == "Not a directory"


def test_a_folder_in_the_place_of_the_file_is_survived(path):
    """It is read as nothing, and says so."""
    path.mkdir(parents=True)
    assert remember(FOUND) == f"nothing is written to {path}: Is a directory"
    assert books()[0].unreadable == "it is no file"


def test_off_is_off(path, monkeypatch):
    """Neither read nor written; what this process measures counts for it."""
    remember(FOUND)
    forget(monkeypatch)
    monkeypatch.setenv("STRIATE_WISDOM", "off")
    assert found_again() is None
    assert remember(FOUND) == "nothing is written: STRIATE_WISDOM is off, or there is no home for a cache"
    assert found_again() == FOUND
    assert path.read_text().count("\n") == 1


def test_another_file_can_be_named(path, monkeypatch, tmp_path):
    """In place of the user's."""
    monkeypatch.setenv("STRIATE_WISDOM", str(tmp_path / "mine.jsonl"))
    assert user_file() == tmp_path / "mine.jsonl"
    remember(FOUND)
    forget(monkeypatch)
    assert found_again() == FOUND
    assert not path.exists()


def test_one_file_can_be_the_only_one(path, monkeypatch, tmp_path):
    """Then neither the user's nor what was just measured counts."""
    remember(FOUND)
    assert found_again(only=path) == FOUND
    assert found_again(only=tmp_path / "empty.jsonl") is None


def test_two_processes_write_whole_lines(path, monkeypatch):
    """Two hundred lines of each, none torn and none lost."""
    code = (
        "import sys; from striate.engine.wisdom import Remembered, remember\n"
        "for i in range(200):\n"
        "    remember(Remembered(f'{sys.argv[1]} {i}', 1, {'torch': 1.0}, 7))"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, name]) for name in "ab"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    book = books()[0]
    assert (len(book.entries), book.skipped) == (400, 0)


def test_the_kernels_digest_is_of_the_core(monkeypatch):
    """The same every time; another for another file."""
    assert kernels() == kernels()
    assert kernels() != wisdom._digest.__wrapped__(Path(__file__), 0, 0)


@pytest.mark.parametrize(
    ("measured", "best"),
    [
        ({"winograd-4x4": 3.0, "direct": 2.0, "torch": 1.0}, "torch"),
        ({"winograd-4x4": 1.0, "direct": 0.98}, "winograd-4x4"),
        ({"winograd-4x4": 1.0, "direct": 0.96}, "direct"),
        ({"winograd-4x4": 1.0, "winograd-6x6": 0.1}, "winograd-4x4"),
        ({"direct": 1.0, "torch": 2.0}, ""),
        ({}, ""),
    ],
)
def test_measured_times_decide_over_the_estimate_if_they_know_its_choice(measured, best):
    """By more than 3 %, and among those that are allowed."""
    assert preferred(measured, {"winograd-4x4": 0.1, "direct": 0.2, "torch": 0.3}) == best


def test_where_nothing_is_allowed_nothing_is_preferred():
    """The planner says so itself."""
    assert preferred({"torch": 1.0}, {}) == ""


def test_a_core_that_cannot_be_read_is_survived(path, monkeypatch):
    """Its times are remembered in this process, and written nowhere."""
    monkeypatch.setattr(wisdom, "_digest", lambda *_: Path("no such core").read_bytes())
    assert kernels() == ""
    assert remember(FOUND) == (
        "nothing is written: the file of the compiled core cannot be read, so nobody could tell its kernels again"
    )
    assert found_again() == FOUND
    assert found_again(only=path) is None
    assert not path.exists()
