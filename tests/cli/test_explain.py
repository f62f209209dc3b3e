"""cli.explain: the words of the command line reach the page; errors are two lines and a list."""

import shutil

import numpy as np
import pytest
from PIL import Image

from striate.explain.subject import RANDOM

QUICK = ("--maps", 1, "--top", 2, "--steps", 0, "--methods", "saliency", "--threads", 1, "--progress", "none")


@pytest.fixture
def run(digits_run, tmp_path):
    """A copy of a run."""
    return shutil.copytree(digits_run, tmp_path / "run")


@pytest.fixture
def image(tmp_path):
    """A picture."""
    path = tmp_path / "one.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 8), dtype=np.uint8)).save(path)
    return path


def test_a_run_and_images_become_a_page(striate, run, image):
    """It says where the page is."""
    status, out, err = striate("explain", run, "--images", image, image, "--layers", "C1", *QUICK)
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        f"page      {run}/explain.html",
        f"beside    {run}/explain: pictures and arrays",
    ]
    assert (run / "explain/image-02/saliency.png").exists()


def test_random_weights_are_told(striate, image, tmp_path):
    """In the terminal as on the page."""
    status, out, _ = striate("explain", "lenet5", "--images", image, "--out", tmp_path / "out", *QUICK)
    assert status == 0
    assert out.splitlines()[0] == f"note      {RANDOM}"
    assert RANDOM in (tmp_path / "out/explain.html").read_text()


@pytest.mark.refusal
@pytest.mark.parametrize("option", ["--device", "--workers", "--accelerate", "--checkpoint-seconds"])
def test_what_a_look_does_not_heed_is_not_offered(striate, option):
    """It is refused, and not silently ignored."""
    status, _, err = striate("explain", "lenet5", option, 1)
    assert status == 2
    assert f"{option}" in err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["none"], 2, "error: explain: 'none' is neither a run's folder nor a network."),
        (["lenet5", "--methods", "lime"], 2, "error: explain: no method is called 'lime'."),
        (["lenet5", "--layers", "conv9"], 2, "no layer called 'conv9'."),
        (["lenet5", "--images", "none.png"], 1, "error: read_image: 'none.png' cannot be used."),
        (["lenet5", "--data", "none"], 1, "error: open_dataset: 'none' does not exist."),
        (["lenet5", "--top", "0"], 2, "error: explain: top is out of range."),
        (["lenet5", "--out", __file__], 1, "error: explain: the system refuses to write"),
    ],
)
def test_what_cannot_be_is_told_without_a_trace(striate, tmp_path, monkeypatch, words, status, said):
    """The rule, the values, the way out; and nothing is written."""
    monkeypatch.chdir(tmp_path)
    found, out, err = striate("explain", *words, "--progress", "none", "--threads", 1)
    assert (found, out) == (status, "")
    assert said in err.splitlines()[0]
    assert list(tmp_path.iterdir()) == []
