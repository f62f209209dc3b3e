"""cli.benching: a network against whoever is installed here."""

import json

import pytest
import torch

from striate.cli import benching
from striate.rivals.race import Race

pytestmark = pytest.mark.traced

FOUND = Race(1, 1, {"striate": (1e-3, 1e-3), "PyTorch": (2e-3, 2e-3)}, {"MNN": "it is not installed: pip install MNN"})


@pytest.fixture
def programs():
    """Those that raced."""
    return []


@pytest.fixture
def raced(monkeypatch, programs):
    """Notes who races, and gives the same result."""
    seen = []

    def instead(program, model, images, **settings):
        seen.append((tuple(images.shape), torch.get_num_threads()))
        assert settings["turns"] == 5
        programs.append(program)
        assert model is None or torch.allclose(program(images), model(images), rtol=1e-3, atol=1e-4)
        return FOUND

    monkeypatch.setattr(benching, "race", instead)
    return seen


def test_a_table_is_drawn(striate, raced, tmp_path):
    """The fastest first; then who is missing, and what to do about it; the times also in a file."""
    out = tmp_path / "times.json"
    status, said, err = striate("bench", "lenet5", "--weights", "digits", "--out", out)
    assert (status, err) == (0, "")
    lines = [line.split() for line in said.splitlines()]
    assert lines[0] == ["lenet5,", "batch", "1,", "1", "thread"]
    assert (lines[2][0], lines[2][1]) == ("striate", "1.00")
    assert (lines[3][0], lines[3][1], lines[3][-4:]) == ("PyTorch", "2.00", ["2.00", "times", "as", "long"])
    assert len(lines[3][2]) == 2 * len(lines[2][2]) == 30
    assert said.splitlines()[4] == "without MNN: it is not installed: pip install MNN"
    assert json.loads(out.read_text())["races"] == [FOUND.to_json()]


def test_batches_and_threads_have_a_table_each(striate, raced):
    """Of images of the size that was asked for."""
    words = ("--batch", "1", "2", "--threads", "2", "--image-size", "16", "24")
    status, said, _ = striate("bench", "resnet20", *words)
    assert status == 0
    assert said.count("resnet20, batch 1, 1 thread ") == 2  # of the result that is given
    assert raced == [((1, 3, 16, 24), 2), ((2, 3, 16, 24), 2)]


def test_the_program_is_as_asked(striate, raced, programs, tmp_path):
    """From a model and from a file."""
    words = ("--accuracy", "exact", "--memory", "small")
    assert striate("bench", "lenet5", *words)[0] == 0
    path = programs[0].save(tmp_path / "net")
    assert striate("bench", path, "--memory", "fast")[0] == 0
    found = [(program.choice.accuracy, program.choice.memory) for program in programs]
    assert found == [("exact", "small"), ("exact", "fast")]


def test_a_file_is_timed_alone(striate, tmp_path):
    """It has no model to hold others against, and that is said."""
    assert striate("compile", "lenet5", "--out", tmp_path / "net")[0] == 0
    status, said, err = striate("bench", tmp_path / "net", "--batch", "2", "--turns", "2")
    assert (status, err) == (0, "")
    assert "\nstriate " in said
    assert "PyTorch" not in said
    assert said.endswith("A file has no model to hold others against: name the run or the network for that.\n")


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("nothing",), "error: bench: 'nothing' is neither a run's folder nor a network.\nName a folder such as "),
        ((".", "--weights", "digits"), "error: bench: a run has weights of its own.\n  weights  digits\nLeave"),
        (("lenet5", "--batch", "0"), "error: bench: images, their sizes, threads and turns are one or more.\n"),
        (("lenet5", "--turns", "0"), "error: bench: images, their sizes, threads and turns are one or more.\n"),
        (("lenet5", "--image-size", "0", "5"), "error: bench: images, their sizes, threads and turns are one or more."),
        (("lenet5", "--out", "no/such/file"), "error: bench: the folder of --out does not exist.\n  out  no/such/file"),
        (("lenet5", "--threads", "100000000"), "error: where: threads is out of range.\n  threads  100000000\nPass 0"),
    ],
)
def test_what_makes_no_sense_is_refused(striate, words, error):
    """In words, with status 2, before anything is timed."""
    status, _, err = striate("bench", *words)
    assert status == 2
    assert err.startswith(error)
