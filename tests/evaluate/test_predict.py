"""evaluate.predict: classes for loose files, each by itself."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from striate.data.listing import EXTENSIONS
from striate.engine import accelerated
from striate.evaluate import Predicted, evaluate, load, predict
from striate.recipes import train
from striate.train import Where


@pytest.fixture
def run(tiny, pictures, tmp_path):
    """A run on three classes of grey pictures."""
    data = pictures({"ant": 10, "bee": 10, "cat": 10})
    where = Where(progress="none", threads=1)
    return train(data, model=tiny, out=tmp_path / "runs", where=where, epochs=1, batch_size=8)


def same(one, other):
    """The same class, and probabilities that differ by rounding alone."""
    assert one.prediction.classes[0] == other.prediction.classes[0]
    mine, theirs = (dict(zip(p.prediction.classes, p.prediction.probabilities, strict=True)) for p in (one, other))
    assert mine == pytest.approx(theirs, abs=1e-6)


def test_a_prediction_does_not_depend_on_its_company(run, pictures):
    """Alone, among others, in another order, beside bad files."""
    folder = pictures({"x": 70}, name="loose", seed=3)
    (folder / "x/bad.png").write_bytes(b"")
    together = {p.path: p for p in predict(run, [folder])}
    files = sorted((folder / "x").glob("[0-9]*.png"))
    for alone in (predict(run, [file])[0] for file in files[::9]):
        same(alone, together[alone.path])
    for one in predict(run, reversed(files)):
        same(one, together[one.path])


def test_by_the_engine_it_is_the_same(run, pictures):
    """Predicted and judged, but for rounding."""
    folder = pictures({"x": 5}, name="loose", seed=3)
    ours = Where(progress="none", threads=1, accelerate=True)
    trained = load(run)
    for one, other in zip(predict(trained, [folder], where=ours), predict(run, [folder]), strict=True):
        same(one, other)
    assert accelerated(trained.model)
    theirs = evaluate(run).metrics.cross_entropy
    assert evaluate(run, where=ours).metrics.cross_entropy == pytest.approx(theirs, abs=1e-5)


def test_the_comparison_can_fail(run, pictures):
    """Two different pictures have different probabilities."""
    one, other = predict(run, [pictures({"x": 2}, name="loose", seed=5)])
    with pytest.raises(AssertionError):
        same(one, other)


def test_it_says_what_evaluation_says(run, tmp_path):
    """One path from file to class, in judging and in use."""
    import csv

    with (evaluate(run).path / "predictions.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    found = predict(run, [tmp_path / "data" / row["name"] for row in table])
    assert [p.prediction.classes[0] for p in found] == [row["predicted"] for row in table]
    assert [p.prediction.probabilities[0] for p in found] == pytest.approx(
        [float(row["probability"]) for row in table], abs=1e-6
    )


def test_probabilities_fall_and_add_up(run, pictures):
    """Of all classes, where there are no more than five."""
    for one in predict(run, [pictures({"x": 3}, name="loose")]):
        assert set(one.prediction.classes) == {"ant", "bee", "cat"}
        assert list(one.prediction.probabilities) == sorted(one.prediction.probabilities, reverse=True)
        assert sum(one.prediction.probabilities) == pytest.approx(1.0)


def test_folders_are_searched_to_any_depth(run, tmp_path):
    """In the order of their names; what is hidden or no image by its name is left out; a file is taken as it is."""
    root, image = tmp_path / "loose", Image.new("L", (9, 9), 90)
    for name in ("b/2.png", "b/c/1.PNG", "a.png", ".hidden/1.png", "b/.1.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        image.save(root / name, format="PNG")
    (root / "note.txt").write_text("no image")
    image.save(tmp_path / "odd.name", format="PNG")
    found = predict(run, [tmp_path / "odd.name", root, root / ".hidden"])
    expected = ["odd.name", "loose/a.png", "loose/b/2.png", "loose/b/c/1.PNG", "loose/.hidden/1.png"]
    assert [p.path for p in found] == [str(tmp_path / name) for name in expected]
    assert all(p.prediction for p in found)


def test_bad_files_are_named_and_the_others_predicted(run, tmp_path):
    """In the place where they were given."""
    good = tmp_path / "good.png"
    Image.new("L", (9, 9), 90).save(good)
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:-20])
    os.mkfifo(tmp_path / "pipe.png")
    names = ["good.png", "empty.png", "text.png", "cut.png", "pipe.png", "missing.png", "x" * 300, "good.png"]
    found = predict(run, [tmp_path / name for name in names])
    assert [p.path for p in found] == [str(tmp_path / name) for name in names]
    assert [bool(p.prediction) for p in found] == [True, False, False, False, False, False, False, True]
    assert [p.problem for p in found[:3]] == [
        None,
        "0 bytes",
        "begins with b'hello', which is none of JPEG, PNG, WebP, BMP, TIFF",
    ]
    assert all(p.problem for p in found[1:-1])
    same(found[0], found[-1])


def test_a_folder_that_cannot_be_searched_is_named(run, tmp_path, monkeypatch):
    """It is not passed over in silence."""
    (tmp_path / "loose/closed").mkdir(parents=True)
    listed = os.scandir

    def refusing(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refusing)
    (found,) = predict(run, [tmp_path / "loose"])
    assert (found.path, found.prediction) == (str(tmp_path / "loose/closed"), None)


KINDS = {
    "PNG": ["L", "RGB", "RGBA", "P", "I;16"],
    "TIFF": ["L", "RGB", "RGBA", "P", "I;16"],
    "BMP": ["L", "RGB", "P"],
    "WEBP": ["L", "RGB", "RGBA"],
    "JPEG": ["L", "RGB"],
}


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in KINDS.items() for mode in modes])
def test_every_kind_of_picture_is_taken(kind, mode, run, tmp_path):
    """Grey, colour, with alpha, of a palette, of 16 bits: for a network of grey pictures."""
    pixels = np.random.default_rng(0).integers(0, 255, (12, 10), dtype=np.uint8)
    image = Image.fromarray(pixels.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(pixels).convert(mode)
    image.save(tmp_path / "x.bin", format=kind)
    (found,) = predict(run, [tmp_path / "x.bin"])
    assert found.problem is None


def test_grey_is_grey_in_colour_too(run, tmp_path):
    """The same picture, in one channel and in three."""
    pixels = np.random.default_rng(0).integers(0, 255, (12, 10), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "grey.png")
    Image.fromarray(pixels).convert("RGB").save(tmp_path / "colour.png")
    same(*predict(run, [tmp_path / "grey.png", tmp_path / "colour.png"]))


def test_a_loaded_network_predicts_the_same(run, pictures):
    """Loaded once, used often; and the data may be gone."""
    folder = pictures({"x": 2}, name="loose")
    trained = load(run)
    shutil.rmtree(run.about["data"]["source"])
    for one, other in zip(predict(trained, [folder]), predict(run.path, [folder]), strict=True):
        same(one, other)


def test_many_files_take_several_batches(run, pictures):
    """More files than one batch holds are all predicted; none are none."""
    assert len(predict(run, [pictures({"x": 70}, name="loose")])) == 70
    assert predict(run, []) == []


def test_json_is_plain(run, tmp_path):
    """A prediction, and a problem."""
    Image.new("L", (9, 9), 90).save(tmp_path / "good.png")
    good, bad = (p.to_json() for p in predict(run, [tmp_path / "good.png", tmp_path / "none.png"]))
    assert good.keys() == {"path", "class", "probability", "next"}
    assert [good["class"], *(n["class"] for n in good["next"])] == list(
        predict(run, [tmp_path / "good.png"])[0].prediction.classes
    )
    assert bad == {"path": str(tmp_path / "none.png"), "problem": "there is no such file"}
    assert Predicted("x", None, "why").to_json() == {"path": "x", "problem": "why"}
    assert ".png" in EXTENSIONS
