"""explain.glance: what the report of an evaluation shows of a few images."""

import numpy as np
import pytest
import torch

from striate.data import open_dataset
from striate.errors import CaptureError
from striate.evaluate import load
from striate.explain.glance import METHODS, glance
from striate.explain.rendering import SHOWN, overlay, photograph
from striate.explain.saliency import saliency
from striate.recipes import train
from striate.train import Where


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """LeNet-5, hardly trained."""
    where = Where(progress="none", threads=1)
    return load(train("digits", out=tmp_path_factory.mktemp("runs"), where=where, epochs=1, overfit=1))


@pytest.fixture(scope="module")
def images():
    """Two digits."""
    part = open_dataset("digits").parts["test"]
    return torch.from_numpy(np.stack([part.read(i) for i in (0, 1)]))


def test_each_image_has_each_method_over_it(trained, images):
    """The methods' own values, laid over the image; with a legend in words."""
    found = glance(trained, images)
    assert [[seen.method for seen in one] for one in found] == [list(METHODS)] * 2
    mean, std = trained.preprocess.mean[0], trained.preprocess.std[0]
    values = saliency(trained.model, (images - mean) / std).values
    expected = overlay(photograph(images[1]), SHOWN["strength"].laid(values[1]))
    assert np.abs(found[1][0].picture.astype(int) - expected.astype(int)).max() <= 1
    assert all(seen.legend.endswith(".") for one in found for seen in one)


def test_a_network_that_cannot_be_looked_into_is_left_alone(trained, images, monkeypatch):
    """An evaluation is worth having without."""

    def refuse(*_):
        raise CaptureError("capture: no.", "Leave it.")

    monkeypatch.setattr("striate.explain.glance.capture", refuse)
    assert glance(trained, images) == []
