"""cli.compiling: from words to a file, and from the file to what it does."""

import pytest
import torch

from striate import load_program
from striate.models import create

pytestmark = pytest.mark.traced


def test_a_run_is_compiled(striate, digits_run):
    """Into its folder; the program answers as the network that the run trained."""
    status, out, err = striate("compile", digits_run)
    path = digits_run / "net.striate"
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        f"program   {path}",
        "free      examples",
        out.splitlines()[2],
        out.splitlines()[3],
    ]
    assert out.splitlines()[2].startswith("          not more: for 3 x 1 x ")
    assert load_program(path)(torch.zeros(3, 1, 32, 32)).shape == (3, 10)


def test_a_network_is_compiled_and_explained(striate, tmp_path, monkeypatch):
    """With weights of the package; into this folder; a file is explained as the program was."""
    monkeypatch.chdir(tmp_path)
    status, out, err = striate("compile", "lenet5", "--weights", "digits", "--explain", "--threads", "1")
    assert (status, err) == (0, "")
    assert "program   lenet5.striate\n" in out
    assert " ms on 1 thread; " in out
    images = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = create("lenet5", weights="digits").eval()(images)
    torch.testing.assert_close(load_program("lenet5.striate")(images), expected, rtol=1e-4, atol=1e-4)
    status, again, _ = striate("compile", "lenet5.striate")
    assert status == 0
    assert " ms on 1 thread; " in again


def test_sizes_are_the_examples(striate, tmp_path):
    """Height, width and examples; where they are free, others as well."""
    out = tmp_path / "net"
    status, said, _ = striate("compile", "resnet20", "--out", out, "--image-size", "24", "40", "--batch", "2")
    assert status == 0
    assert "free      examples, height, width" in said
    assert load_program(out)(torch.zeros(1, 3, 32, 24)).shape == (1, 10)


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("nothing",), "error: compile: 'nothing' is neither a run's folder nor a network.\nName a folder such as "),
        ((".", "--weights", "digits"), "error: compile: a run has weights of its own.\n  weights  digits\nLeave"),
        (("lenet5", "--batch", "0"), "error: compile: the example has one image or more, each of"),
        (("lenet5", "--image-size", "-1", "5"), "error: compile: the example has one image or more, each of"),
        (("lenet5", "--threads", "100000000"), "error: where: threads is out of range.\n  threads  100000000\nPass 0"),
    ],
)
def test_what_makes_no_sense_is_refused(striate, words, error):
    """In words, with status 2."""
    status, _, err = striate("compile", *words)
    assert status == 2
    assert err.startswith(error)


@pytest.mark.refusal
def test_a_file_that_is_no_program_is_refused(striate, tmp_path):
    """In words, with status 1."""
    (tmp_path / "net").write_bytes(b"nothing")
    status, _, err = striate("compile", tmp_path / "net")
    assert status == 1
    assert err.startswith(f"error: program: {tmp_path / 'net'} cannot be used: it is damaged, or no such file.\n")
