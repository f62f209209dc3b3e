"""explain.sections: the parts of the page; `test_look` holds them together."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch

from striate.explain.layers import capture
from striate.explain.scene import Scene
from striate.explain.sections import charts_of, layers_of, stories_of
from striate.explain.shelf import Shelf
from striate.explain.subject import subject


@pytest.fixture
def scene(tmp_path):
    """LeNet-5 that knows the digits."""
    shown = subject("lenet5", weights="digits")
    return Scene(shown, capture(shown.model, torch.zeros(1, 1, 32, 32)), Shelf(tmp_path), "none")


def test_maps_are_spread_evenly(scene):
    """From the first to the last; all of them where there are few; with kernels for the first layer alone."""
    layers = layers_of(scene, ["C1", "C3"], None, top=3, maps=6, steps=1)
    assert [one.feature for one in layers[0].exciting] == list(range(6))
    assert [one.feature for one in layers[1].exciting] == [0, 3, 6, 9, 12, 15]
    assert [layer.filters is not None for layer in layers] == [True, False]
    assert [(layer.kind, layer.size, layer.sees) for layer in layers] == [
        ("Conv2d", "6 x 28 x 28", "5 x 5 of 32 x 32"),
        ("Conv2d", "16 x 10 x 10", "14 x 14 of 32 x 32"),
    ]
    one = layers_of(scene, ["C1"], None, top=3, maps=1, steps=1)[0]
    assert [shown.feature for shown in one.exciting] == [0]


def test_what_is_made_is_cut_to_what_the_unit_sees(scene):
    """A picture of five by five for C1."""
    (layer,) = layers_of(scene, ["C1"], None, top=3, maps=2, steps=2)
    assert all(one.wished.shape == (5, 5, 1) for one in layer.exciting)
    assert layers_of(scene, ["C1"], None, top=3, maps=2, steps=0)[0].exciting == []


def test_charts_come_in_pairs_and_arrays_beside_them(scene):
    """A chart of features and one of the probability for each change."""
    charts = charts_of(scene, torch.rand(2, 1, 32, 32))
    assert [chart.name for chart in charts] == [
        f"{change}: {what}"
        for change in ("Translation", "Scaling", "Rotation")
        for what in ("distance of the features", "probability")
    ]
    assert np.load(scene.shelf.folder / "scaling/probability.npy").shape == (5, 2)


def test_progress_is_told_method_by_method(scene, monkeypatch):
    """A long look at one image moves the bar as well."""
    told: list[tuple[int, int]] = []

    @contextmanager
    def bar(*_, **__):
        yield lambda done, total: told.append((done, total))

    monkeypatch.setattr("striate.explain.sections.scan_progress", bar)
    images = [(f"{i}.png", "", torch.rand(1, 32, 32)) for i in range(2)]
    stories = stories_of(scene, images, ["saliency", "grad_cam"], ["C1"])
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [story.name for story in stories] == ["0.png", "1.png"]
    assert (scene.shelf.folder / "image-02/grad_cam.png").exists()
