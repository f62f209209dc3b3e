"""evaluate.published: what published weights take for a picture, in the words of our data."""

from dataclasses import replace

import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from striate.data import read_image
from striate.errors import OptionError
from striate.evaluate.published import preprocess_of
from striate.models.weights import Transform, published

ROW = published("resnet50", "imagenet1k-v2")


def test_the_picture_is_resized_and_cut_as_they_say(tmp_path):
    """A ramp from left to right: its shorter side is resized, then the middle is kept."""
    ramp = torch.linspace(0, 255, 128).round().to(torch.uint8).expand(64, 128)
    Image.fromarray(ramp.numpy()).convert("RGB").save(tmp_path / "ramp.png")
    found = preprocess_of(replace(ROW, transform=Transform(resize=32, crop=28)))
    assert (found.image_size, found.mean, found.std) == ((28, 28), ROW.transform.mean, ROW.transform.std)
    image = torch.from_numpy(read_image(tmp_path / "ramp.png", found))
    want = F.interpolate(ramp[None, None].float() / 255, (32, 64), mode="bilinear", antialias=True)[0, 0, 2:30, 18:46]
    assert (image - want).abs().max() < 0.02


def test_a_pair_is_a_size_whatever_the_shape():
    """Both sides are stretched to it."""
    found = preprocess_of(replace(ROW, transform=Transform(resize=(227, 227), crop=227)))
    assert (found.resize, found.enlarge) == ("stretch", 1.0)


@pytest.mark.refusal
def test_what_nobody_told_is_refused():
    """Guessing would judge the weights wrongly."""
    with pytest.raises(OptionError) as error:
        preprocess_of(replace(ROW, transform=None))
    assert str(error.value) == (
        f"weights: nobody has told what pictures {ROW} was trained on.\n  weights  imagenet1k-v2\nName other weights."
    )
