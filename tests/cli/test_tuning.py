"""cli.tuning: measure and explain, from the words to the tables."""

import re

import pytest

from striate.engine import wisdom
from striate.engine.plan import forget


@pytest.fixture(autouse=True)
def path(tmp_path, monkeypatch):
    """The user's file; nothing is known, and nothing stays known."""
    monkeypatch.setenv("STRIATE_WISDOM", str(tmp_path / "wisdom.jsonl"))
    monkeypatch.setattr(wisdom, "_LEARNT", {})
    monkeypatch.setattr(wisdom, "SHIPPED", tmp_path / "shipped.jsonl")
    forget()
    yield tmp_path / "wisdom.jsonl"
    forget()


SMALL = ("resnet20", "--input", "1,3,8,8", "--threads", "1")


def test_what_is_measured_is_explained(striate, path):
    """First by estimate, then by time; a layer by its name."""
    status, before, err = striate("explain-plan", *SMALL, "--layer", "conv1")
    assert (status, err) == (0, "")
    assert before.startswith("conv1\nforward  N=1 C=3 H=8 W=8  K=16 R=3 S=3  stride 1x1  padding 1,1,1,1  ")
    assert re.search(r"^winograd-2x2-5x5 +declines: the kernel is not 5x5 *$", before, re.MULTILINE)
    assert before.count("<- estimated") == 1
    status, out, err = striate("tune", *SMALL)
    assert (status, err) == (0, "")
    assert re.search(r"^conv1 +forward +\S+ +\d+\.\d{3} ms +\d+\.\d{3} ms *$", out, re.MULTILINE)
    assert out.endswith(f"kept      {path}\n")
    _, after, _ = striate("explain-plan", *SMALL, "--layer", "conv1")
    assert after.count("<- measured") == 1
    assert re.search(r"^torch +\d+\.\d{3} ms +\d+\.\d{3} ms", after, re.MULTILINE)


def test_every_kind_of_layer_is_explained(striate):
    """Once; the paper's image if none is given; gradients if they are asked for."""
    _, out, _ = striate("explain-plan", "lenet5", "--threads", "1")
    assert out.count("reference") == len(re.findall(r"^forward  N=1 C=", out, re.MULTILINE)) == 3
    _, out, _ = striate("explain-plan", "lenet5", "--threads", "1", "--backward")
    assert len(re.findall(r"^(?:input|weight) gradient  N=1", out, re.MULTILINE)) == 5


def test_what_cannot_be_kept_is_told(striate, path):
    """On standard error; the status is 0, since this run did what it could."""
    path.mkdir()
    status, out, err = striate("tune", *SMALL)
    assert (status, "measured" in out) == (0, True)
    assert err == (f"note: {path} cannot be read: it is no file\nnote: nothing is written to {path}: Is a directory\n")


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("words", "error"),
    [
        (
            ("tune", "lenet5", "--input", "1,1,32"),
            "tune: the input has four sizes: examples, channels, height, width.\n  input  1,1,32\n"
            "Give four numbers of 1 or more, as in --input 1,3,224,224.\n",
        ),
        (
            ("tune", "lenet5", "--input", "1,one,32,32"),
            "tune: the input has four sizes: examples, channels, height, width.\n  input  1,one,32,32\n"
            "Give four numbers of 1 or more, as in --input 1,3,224,224.\n",
        ),
        (
            ("tune", "lenet5", "--threads", "0"),
            "tune: there are no threads to work on.\n  threads  0\nGive --threads of 1 or more.\n",
        ),
        (
            ("explain-plan", "lenet5", "--layer", "conv9"),
            "explain-plan: lenet5 has no convolution called 'conv9'.\nChoose one of: C1, C3, C5.\n",
        ),
    ],
)
def test_what_is_not_understood_is_told(striate, words, error):
    """The status is 2."""
    assert striate(*words) == (2, "", f"error: {error}")


@pytest.mark.refusal
def test_a_network_that_is_none_is_told(striate):
    """As everywhere."""
    status, _, err = striate("tune", "lenet6")
    assert (status, err.splitlines()[0]) == (2, "error: create: no model is called 'lenet6'.")
