"""bench.tables: every figure in the docs comes from a result file."""

import json

import pytest
from bench.tables import fill, main

from striate.errors import OptionError

RESULT = {
    "what": "A step of training.",
    "command": "python -m bench.training",
    "date": "2026-11-22T10:00:00+00:00",
    "machine": {"processor": "AMD EPYC 7B13", "architecture": "x86-64"},
    "peaks": {"isa": "avx2"},
    "versions": {"torch": "2.13.0"},
    "threads": 2,
    "n": 20,
    "work": [64, "images"],
    "candidates": {
        "striate": {"median": 0.032, "q1": 0.031, "q3": 0.0335},
        "plain": {"median": 1.6e-5, "q1": 1.5e-5, "q3": 1.71e-5},
    },
    "ratios": {"striate / plain": {"median": 1.0123, "q1": 1.001, "q3": 1.02}},
}

REGION = "<!-- table: training -->\n<!-- end -->"

FILLED = """<!-- table: training -->

A step of training.

|  | median | quartiles | images per second | striate takes |
| --- | ---: | ---: | ---: | ---: |
| striate | 32 ms | 31 ms to 33.5 ms | 2,000 | 1 |
| plain | 16 µs | 15 µs to 17.1 µs | 4,000,000 | 1.012 (1.001 to 1.020) of it |

Medians of 20 turns, 2 threads, AMD EPYC 7B13 (avx2), torch 2.13.0, 2026-11-22; `python -m bench.training`.

<!-- end -->"""


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "training.json").write_text(json.dumps(RESULT))
    return folder


def test_a_region_is_filled_and_nothing_else(results):
    """Text around the regions stays; filling twice changes nothing."""
    text = f"Before.\n\n{REGION}\n\nBetween, not a region: `<!-- table: training -->`.\n\n{REGION}\nAfter.\n"
    filled = fill(text, results)
    assert filled == text.replace(REGION, FILLED)
    assert fill(filled, results) == filled


def test_a_result_without_work_has_no_rate(results):
    """The column of rates is there only where a turn's work is known."""
    (results / "training.json").write_text(json.dumps(RESULT | {"work": None}))
    assert "per second" not in fill(REGION, results)


def test_check_finds_what_writing_mends(tmp_path, results, capsys):
    """--check fails on a document that is not up to date and changes nothing; writing makes it pass."""
    (tmp_path / "docs").mkdir()
    document = tmp_path / "docs" / "speed.md"
    document.write_text(REGION)
    assert main(["--check"], tmp_path, results) == 1
    assert (document.read_text(), capsys.readouterr().out) == (REGION, "docs/speed.md: out of date; run `make bench`\n")
    assert main([], tmp_path, results) == 0
    assert (document.read_text(), capsys.readouterr().out) == (FILLED, "docs/speed.md: written\n")
    assert main(["--check"], tmp_path, results) == 0


def test_an_unknown_argument_is_refused(tmp_path, results, capsys):
    assert main(["--chekc"], tmp_path, results) == 2
    assert capsys.readouterr().out == "usage: python -m bench.tables [--check]\n"


def test_the_docs_are_up_to_date():
    """Every table in this repository's documents is the one its result file gives."""
    assert main(["--check"]) == 0


@pytest.mark.refusal
def test_an_unknown_result_is_explained(results):
    """A region that names no result lists those there are."""
    with pytest.raises(OptionError) as error:
        fill("<!-- table: trainign -->\n<!-- end -->", results)
    assert str(error.value) == (
        "tables: a document names a result that does not exist.\n"
        "  table  trainign\n"
        "Run the benchmark that records it, or name one of: training."
    )
