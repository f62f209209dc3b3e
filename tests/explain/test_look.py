"""explain.look: from a run or a name to one page, with everything beside it; stopped, it goes on."""

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from striate.errors import DataError, OptionError, RunError
from striate.explain.layers import Network
from striate.explain.look import Look, _gallery, look
from striate.explain.methods import METHODS
from striate.explain.subject import RANDOM, subject
from striate.recipes import train
from striate.train import Where

QUIET = Where(progress="none", threads=1)
SMALL: dict[str, Any] = {"maps": 2, "top": 3, "steps": 3, "sanity": False}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """LeNet-5, hardly trained."""
    return train("digits", out=tmp_path_factory.mktemp("runs"), where=QUIET, epochs=1, overfit=1)


@pytest.fixture
def image(tmp_path):
    """A picture."""
    path = tmp_path / "one.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 24, 3), dtype=np.uint8)).save(path)
    return path


def test_a_run_brings_its_data_and_home(run, image, tmp_path):
    """The page lies in the run's folder; the digits were searched; every method has its picture and its array."""
    found = look(run, [image], at=Look(layers=("C1..C3",), **SMALL), where=QUIET)
    assert found.page == run.path / "explain.html"
    page = found.page.read_text()
    assert "1,797 pictures of digits" in page
    assert f"striate explain {run.path} --images {image} --layers C1..C3 --top 3 --maps 2 --steps 3 --no-sanity" in page
    assert '<a href="#layer-2">C3</a>' in page
    assert "#layer-3" not in page
    beside = run.path / "explain"
    for name in METHODS:
        assert (beside / f"image-01/{name}.png").exists()
        assert np.load(beside / f"image-01/{name}.npy").shape == (1, 32, 32)
    assert {path.name for path in (beside / "C3").glob("*.png")} == {
        f"map-{n:03}-{what}.png" for n in (0, 15) for what in ("pieces", "projections", "optimised")
    }
    assert np.load(beside / "C1/kernels.npy").shape == (6, 1, 5, 5)
    assert np.load(beside / "rotation/C1.npy").shape == (25, 1)


def test_a_page_tells_how_it_came_about_and_what_to_believe(tmp_path):
    """The epochs that a run has kept below each map; each method's own check below what is said of it."""
    where = Where(progress="none", threads=1, keep_epochs=(1, 2))
    run = train("digits", out=tmp_path, where=where, epochs=2, overfit=1)
    at = Look(layers="C1", methods=("saliency", "deconvnet"), **SMALL | {"sanity": True})
    page = look(run, at=at, where=QUIET).page.read_text()
    assert page.count('alt="map 0 after each epoch"') == 1
    assert "<span>epoch 1</span>" in page
    assert "how the map came about" in page
    assert "is its picture of digits/0000 once more" in page
    assert page.count('<div class="check">') == 2
    assert "--no-sanity" not in page
    assert {path.name for path in (run.path / "explain/image-01").glob("*-check.png")} == {
        "saliency-check.png", "deconvnet-check.png",
    }  # fmt: skip
    assert not list((run.path / "explain/image-02").glob("*-check.png"))


def test_random_weights_are_said_to_be(tmp_path, pictures):
    """A network by its name has learnt nothing, and the page says so first; its images are a few of the data."""
    root = pictures({"cat": 3, "dog": 2}, size=(32, 32))
    (root / "cat" / "bad.png").write_text("no picture")
    found = look("lenet5", data=root, out=tmp_path / "out", at=Look(methods=("saliency",), **SMALL), where=QUIET)
    assert found.notes == (RANDOM, "1 file of the data was left out; `striate data` names it.")
    page = found.page.read_text()
    assert RANDOM in page
    assert page.count('class="file"') == 3
    assert "It is <bdi" in page


def test_without_data_or_images_there_are_the_layers(tmp_path):
    """Kernels and what each map would like best."""
    found = look("lenet5", out=tmp_path, at=Look(weights="digits", **SMALL), where=QUIET)
    page = found.page.read_text()
    assert "The images, explained" not in page
    assert "Its kernels" in page
    assert "an image made to excite map 0" in page


def test_an_interrupted_search_goes_on(tmp_path, monkeypatch, pictures):
    """What was searched is not searched again; another choice of layers begins anew."""
    root = pictures({"cat": 80, "dog": 80})
    searching = sys.modules["striate.explain.top_activations"]  # the room offers the function by that name
    monkeypatch.setattr(searching, "_SAVE_SECONDS", 0)
    looked: list[int] = []
    visit = Network.visit

    def counted(self, batch, *more, **settings):
        looked.append(len(batch))
        if len(looked) == 3:
            raise KeyboardInterrupt
        return visit(self, batch, *more, **settings)

    monkeypatch.setattr(Network, "visit", counted)
    at = Look(weights="digits", methods=("saliency",), maps=1, top=2, steps=0, sanity=False)
    with pytest.raises(KeyboardInterrupt):
        look("lenet5", data=root, out=tmp_path / "out", at=at, where=QUIET)
    assert not (tmp_path / "out/explain.html").exists()
    look("lenet5", data=root, out=tmp_path / "out", at=at, where=QUIET)
    assert looked == [64, 64, 32, 32]
    look("lenet5", data=root, out=tmp_path / "out", at=replace(at, layers=("C1",)), where=QUIET)
    assert looked[4:] == [64, 64, 32]


def test_one_image_and_one_method_need_no_list(image, tmp_path):
    """A lone name is one, not its letters; and what the page before had is not beside this one."""
    at = Look(layers="C1", methods="saliency", **SMALL)
    assert (at.layers, at.methods) == (("C1",), ("saliency",))
    look("lenet5", [image, image], out=tmp_path / "out", at=Look(layers="C3", **SMALL), where=QUIET)
    assert (tmp_path / "out/explain/image-02").exists()
    found = look("lenet5", str(image), out=tmp_path / "out", at=at, where=QUIET)
    assert f"--images {image} --out {tmp_path}/out --layers C1 --methods saliency" in found.page.read_text()
    beside = found.page.parent / "explain"
    assert {path.name for path in beside.iterdir()} == {"image-01", "C1", "rotation", "scaling", "translation"}
    assert {path.name for path in (beside / "image-01").glob("*.npy")} == {"saliency.npy"}


@pytest.mark.refusal
def test_a_file_is_no_folder_for_a_page(image, monkeypatch):
    """It is refused before the network is followed."""
    monkeypatch.setattr(sys.modules["striate.explain.look"], "capture", None)  # the room offers the function
    with pytest.raises(RunError) as error:
        look("lenet5", out=image, where=QUIET)
    assert str(error.value) == (
        f"explain: the system refuses to write: Not a directory.\n  path  {image}\n"
        "Make room or give write permission, or choose another folder; what was saved before is whole."
    )


def test_data_that_is_gone_is_a_note(run, tmp_path):
    """A run's own data need not be there any more; data that is named has to."""
    moved = replace(subject(run), data=str(tmp_path / "gone"))
    gallery, (note,) = _gallery(moved, None, QUIET)
    assert gallery is None
    assert note.startswith("The run's own data was not searched: open_dataset: ")
    assert note.endswith(" Name it with --data where it is now.")
    with pytest.raises(DataError):
        _gallery(moved, tmp_path / "gone", QUIET)


@pytest.mark.refusal
def test_what_cannot_be_is_refused(run, tmp_path):
    """Before anything is computed or written."""
    for settings, message in (
        ({"top": 0}, "explain: top is out of range.\n  top  0\nPass 1 to 100."),
        ({"maps": 0}, "explain: maps is out of range.\n  maps  0\nPass 1 to 1000."),
        ({"steps": -1}, "explain: steps is out of range.\n  steps  -1\nPass 0 to 100000."),
    ):
        with pytest.raises(OptionError) as error:
            Look(**settings)
        assert str(error.value) == message
    with pytest.raises(DataError, match="does not exist"):
        look(run, data=tmp_path / "none", out=tmp_path / "out", where=QUIET)
    with pytest.raises(DataError, match="cannot be used"):
        look(run, [tmp_path / "none.png"], out=tmp_path / "out", where=QUIET)
    assert not (tmp_path / "out").exists()
