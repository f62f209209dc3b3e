"""explain.subject: a run or a name becomes a network that can be shown images."""

import numpy as np
import pytest
import torch
from PIL import Image

from striate.errors import DataError, OptionError
from striate.evaluate import load
from striate.explain.subject import RANDOM, subject
from striate.recipes import train
from striate.train import Where


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """LeNet-5, hardly trained."""
    where = Where(progress="none", threads=1)
    return train("digits", out=tmp_path_factory.mktemp("runs"), where=where, epochs=1, overfit=1)


def test_a_run_brings_everything(run):
    """Its weights, classes, preprocessing and data; by its folder, as a run, or loaded."""
    trained = load(run)
    for given in (run.path, str(run.path), run, trained):
        found = subject(given)
        assert (found.name, found.classes, found.data, found.home) == (
            "lenet5",
            tuple("0123456789"),
            "digits",
            run.path,
        )
        assert found.preprocess == trained.preprocess
        assert found.model.output.weight.equal(trained.model.output.weight)
        assert not found.model.training
    assert found.notes == ()
    assert found.weights.startswith("trained on digits, step ")


def test_a_name_brings_the_package_s_weights_or_random_ones():
    """Random weights are said to be random, and are the same every time, with nobody's random numbers disturbed."""
    before = torch.random.get_rng_state()
    one, two = subject("resnet20"), subject("resnet20")
    assert torch.random.get_rng_state().equal(before)
    assert one.notes == (RANDOM,)
    assert one.weights == "random"
    assert one.model.conv1.weight.equal(two.model.conv1.weight)
    known = subject("resnet20", weights="digits")
    assert (known.notes, known.canvas.size) == ((), (1, *known.preprocess.image_size))
    assert known.weights == "digits, of the package"


def test_pictures_become_its_input(tmp_path):
    """Read, brought to size, and normalised as in training."""
    Image.fromarray(np.full((50, 40, 3), 255, np.uint8)).save(tmp_path / "white.png")
    found = subject("lenet5", weights="digits")
    images = torch.stack(found.read([tmp_path / "white.png"]))
    assert images.shape == (1, 1, 32, 32)
    assert images.eq(1).all()
    mean, std = found.preprocess.mean[0], found.preprocess.std[0]
    torch.testing.assert_close(found.normalized(images), torch.full_like(images, (1 - mean) / std))


@pytest.mark.refusal
def test_what_is_neither_is_refused(run, tmp_path):
    """The message lists the networks; a run's weights are its own; a file that is no picture is named."""
    with pytest.raises(OptionError, match=r"explain: 'lenet' is neither a run's folder nor a network\.\nName a folder"):
        subject("lenet")
    with pytest.raises(OptionError) as error:
        subject(run.path, weights="digits")
    assert str(error.value) == (
        "explain: a run has weights of its own.\n  weights  digits\nLeave --weights out, or name a network."
    )
    (tmp_path / "x.png").write_text("no picture")
    with pytest.raises(DataError, match=r"x\.png' cannot be used"):
        subject(run).read([tmp_path / "x.png"])
