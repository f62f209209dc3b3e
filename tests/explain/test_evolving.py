"""explain.evolving: maps after each epoch that a run has kept, each by the network of then."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from striate.explain.evolving import evolved
from striate.explain.exciting import piece
from striate.explain.gallery import open_gallery
from striate.explain.layers import capture
from striate.explain.rendering import enlarged, grey
from striate.explain.scene import Scene
from striate.explain.shelf import Shelf
from striate.explain.subject import subject
from striate.explain.top_activations import top_activations
from striate.explain.views import views
from striate.models import create
from striate.train import Checkpoint, Run


@pytest.fixture
def scene(tmp_path):
    """LeNet-5 that knows the digits, in a run's folder."""
    shown = replace(subject("lenet5", weights="digits"), home=tmp_path / "run")
    return Scene(shown, capture(shown.model, torch.zeros(1, 1, 32, 32)), Shelf(tmp_path / "shelf"), "none")


@pytest.fixture
def gallery(scene, pictures):
    """A few pictures."""
    return open_gallery(str(pictures({"cat": 3, "dog": 2}, size=(32, 32))), scene.subject.preprocess)


def keep(scene, epoch, tensors):
    Run(scene.subject.home).checkpoints.keep(Checkpoint({"model": tensors}, {}, {}), epoch=epoch)


def test_each_epoch_shows_its_own_network(scene, gallery):
    """In their order, the projection of what excites the map most among the pictures; pale where nothing does."""
    torch.manual_seed(0)
    first, last = create("lenet5").state_dict(), scene.subject.model.state_dict()
    silent = last | {"C1.bias": torch.full((6,), -1e3)}
    for epoch, tensors in ((10, last), (2, first), (5, silent)):
        keep(scene, epoch, tensors)
    found = evolved(scene, gallery, {"C1": [4]})
    assert found.epochs == (2, 5, 10)
    strip = found.strips["C1", 4]
    assert strip.shape == (72, 3 * 72 + 2 * 3, 3)
    assert (scene.shelf.folder / "C1/map-004-epochs.png").exists()
    assert (strip[:, 75:147] == 214).all()
    images = gallery[list(range(len(gallery)))]
    for place, tensors in ((0, first), (2, last)):
        network = scene.network.with_tensors(tensors)
        (view,) = views(network, images, top_activations(network, images, ["C1"], k=1), "C1", [4])
        want = piece(grey(view.projection), (slice(None), slice(None)), (5, 5))
        assert np.array_equal(strip[:, 75 * place : 75 * place + 72], np.asarray(enlarged(want, 72).convert("RGB")))


def test_one_epoch_is_no_evolution(scene, gallery):
    """Nor is none; nor is there one without pictures, or of a network that no run has trained."""
    assert evolved(scene, gallery, {"C1": [0]}).strips == {}
    keep(scene, 1, {})
    assert evolved(scene, gallery, {"C1": [0]}).strips == {}
    keep(scene, 2, {})
    assert evolved(scene, None, {"C1": [0]}).strips == {}
    assert evolved(replace(scene, subject=replace(scene.subject, home=None)), gallery, {"C1": [0]}).strips == {}
    assert len(evolved(scene, gallery, {"C1": [0]}).strips) == 1
