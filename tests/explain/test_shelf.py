"""explain.shelf: what is put there can be read again, and lies nowhere else."""

import numpy as np
import pytest
import torch
from PIL import Image

from striate.errors import RunError
from striate.explain.shelf import Shelf


def test_pictures_and_arrays_come_back(tmp_path):
    """The same pixels, the same numbers; what was there is replaced."""
    shelf = Shelf(tmp_path / "deep" / "shelf")
    pixels, values = np.random.default_rng(0).integers(0, 256, (64, 70, 3), dtype=np.uint8), torch.randn(2, 3)
    shelf.picture("conv1/map 3", 255 - pixels)
    picture, array = shelf.picture("conv1/map 3", pixels), shelf.array("conv1/map 3", values)
    assert np.array_equal(np.asarray(Image.open(picture)), pixels)
    assert np.array_equal(np.load(array), values.numpy())
    assert sorted(path.name for path in (tmp_path / "deep/shelf/conv1").iterdir()) == ["map-3.npy", "map-3.png"]


def test_few_pixels_become_squares(tmp_path):
    """As a whole picture that a viewer does not blur; each pixel is the same colour all over."""
    with Image.open(Shelf(tmp_path).picture("x", np.array([[[0], [255]], [[90], [30]]], np.uint8))) as found:
        assert found.size == (256, 256)
        assert np.unique(np.asarray(found)[:128, :128]).tolist() == [0]
        assert np.unique(np.asarray(found)[128:, 128:]).tolist() == [30]


@pytest.mark.parametrize("name", ["../../away", "/etc/x", "a\0b/..", "layer1.0.conv1/ü", ""])
def test_no_name_leads_out(tmp_path, name):
    """Whatever a layer or a file is called, it lies in the folder."""
    path = Shelf(tmp_path / "shelf").array(name, torch.zeros(1))
    assert path.resolve().is_relative_to((tmp_path / "shelf").resolve())


@pytest.mark.refusal
def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    """A file is in its place."""
    (tmp_path / "shelf").write_text("")
    with pytest.raises(RunError, match="explain: the system refuses to write"):
        Shelf(tmp_path / "shelf").array("x", torch.zeros(1))


def test_an_earlier_page_is_cleared_away(tmp_path):
    """Images, layers and changes, with their folders; neither the search's state nor what somebody else put there."""
    shelf, pixels = Shelf(tmp_path), np.zeros((4, 4, 1), np.uint8)
    for name in ("image-02/saliency", "image-02/maps/C1", "C3/map-015-pieces", "a/b/map-1000-optimised", "C1/kernels"):
        shelf.picture(name, pixels)
    for name in ("image-02/saliency", "C3/map-015-projections", "rotation/C1", "C1/kernels"):
        shelf.array(name, torch.zeros(2))
    kept = [tmp_path / "search.safetensors", tmp_path / "cats/one.png", tmp_path / "C1/mine.png"]
    for path in kept:
        path.parent.mkdir(exist_ok=True)
        path.write_text("kept")
    shelf.clear()
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(kept)
    assert {path.name for path in tmp_path.iterdir()} == {"search.safetensors", "cats", "C1"}
    Shelf(tmp_path / "none").clear()
