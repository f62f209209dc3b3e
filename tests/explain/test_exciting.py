"""explain.exciting: the pieces are those that were found, and each projection lies on its piece."""

from importlib import import_module

import numpy as np
import pytest
import torch

from striate.data import DataOptions, inspect_dataset
from striate.explain.deconvnet import deconvnet
from striate.explain.exciting import exciting, middle_of, piece
from striate.explain.gallery import Gallery
from striate.explain.layers import capture
from striate.explain.rendering import enlarged, grey, photograph
from striate.explain.shelf import Shelf
from striate.explain.subject import subject
from striate.explain.top_activations import top_activations


@pytest.fixture
def scene(pictures):
    """LeNet-5, a few pictures, and what excites it."""
    shown = subject("lenet5", weights="digits")
    root = pictures({"a": 3, "b": 3}, size=(32, 32))
    options = DataOptions(image_size=(32, 32), channels=1, split=(0, 0, 1))
    gallery = Gallery(inspect_dataset(str(root), options), shown.preprocess)
    network = capture(shown.model, torch.zeros(1, 1, 32, 32))
    return shown, network, gallery, top_activations(network, gallery, ["C1", "C3"], k=4)


def test_pieces_are_what_excites_most(scene, tmp_path):
    """The first is the strongest unit of all pictures, cut to what it sees, and projected by a deconvnet."""
    shown, network, gallery, top = scene
    images = torch.stack([gallery.read(i) for i in range(len(gallery))])
    values = network.values(shown.normalized(images), ["C3"])["C3"].detach()
    feature = int(values.amax((0, 2, 3)).argmax())  # one that they do excite
    found = exciting(shown, network, gallery, top, ("C3", feature), Shelf(tmp_path))
    maps = values[:, feature]
    strongest = maps.flatten(1).amax(1).sort(descending=True)
    best = int(strongest.indices[0])
    expected = [value for value in strongest.values[:4].tolist() if value > 0]
    np.testing.assert_allclose(found.activations, expected, rtol=1e-5)
    assert found.sources[0] == gallery.name(best)
    unit = divmod(int(maps[best].argmax()), maps.shape[2])
    box = network.sees("C3", unit)
    rows, columns = middle_of(network, "C3")
    size = rows.stop - rows.start, columns.stop - columns.start
    expected = np.asarray(enlarged(piece(photograph(images[best]), box, size), 72).convert("RGB"))
    assert (found.patches[:72, :72] == expected).all()
    view = deconvnet(network, shown.normalized(images[best : best + 1]), "C3", feature, unit).values[0]
    expected = np.asarray(enlarged(piece(grey(view), box, size), 72).convert("RGB"))
    assert np.abs(found.views[:72, :72].astype(int) - expected.astype(int)).max() <= 1
    assert {path.name for path in (tmp_path / "C3").iterdir()} == {
        f"map-{feature:03}-pieces.png",
        f"map-{feature:03}-projections.npy",
        f"map-{feature:03}-projections.png",
    }


def test_no_more_is_projected_at_once_than_memory_allows(scene, tmp_path, monkeypatch):
    """In batches of two the same is found; of each projection the box is kept, and nothing lies beyond it."""
    shown, network, gallery, top = scene
    images = torch.stack([gallery.read(i) for i in range(len(gallery))])
    feature = int(network.values(shown.normalized(images), ["C3"])["C3"].detach().amax((0, 2, 3)).argmax())
    room = import_module("striate.explain.exciting")  # the function of that name may hide it
    whole = exciting(shown, network, gallery, top, ("C3", feature), Shelf(tmp_path / "whole"))
    seen: list[int] = []
    project = room.project
    monkeypatch.setattr(room, "_AT_ONCE", 2)
    monkeypatch.setattr(room, "project", lambda net, x, *more: seen.append(len(x)) or project(net, x, *more))
    parted = exciting(shown, network, gallery, top, ("C3", feature), Shelf(tmp_path / "parted"))
    assert max(seen) == 2
    assert sum(seen) == len(whole.activations)
    assert np.array_equal(whole.patches, parted.patches)
    assert np.abs(whole.views.astype(int) - parted.views.astype(int)).max() <= 1
    kept = np.load(tmp_path / f"parted/C3/map-{feature:03}-projections.npy")
    assert kept.shape == (len(whole.activations), 1, 14, 14)
    best = top.of("C3", feature)[0]
    view = deconvnet(network, shown.normalized(images[best.image][None]), "C3", feature, best.unit).values[0]
    assert np.abs(kept[0]).sum() == pytest.approx(float(view.abs().sum()), rel=1e-4)


def test_a_map_that_nothing_excites_is_left_out(scene, tmp_path):
    """Where no unit is above zero there is nothing to show."""
    shown, network, gallery, _ = scene
    with torch.no_grad():
        shown.model.C1.bias.fill_(-100.0)
    top = top_activations(network, gallery, ["C1"], k=4)
    assert exciting(shown, network, gallery, top, ("C1", 0), Shelf(tmp_path)) is None


def test_a_piece_at_the_border_is_centred():
    """What is cut off there is pale, and every piece is as large as the next."""
    pixels = np.zeros((10, 10, 3), np.uint8)
    made = piece(pixels, (slice(0, 3), slice(4, 10)), (7, 6))
    assert made.shape == (7, 6, 3)
    assert (made[2:5] == 0).all()
    assert (made[[0, 1, 5, 6]] > 200).all()
