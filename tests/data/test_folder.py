"""Folders: classes by name, parts as they are laid out, nothing from outside and nothing hidden."""

import os
import shutil

import numpy as np
import pytest

from striate.data.dataset import DataOptions
from striate.data.problems import Problem
from striate.data.readers import inspect_dataset, open_dataset
from striate.errors import DataError


def names(data):
    return {part: list(data.parts[part].names) for part in data.parts}


def laid_out(noise, **classes):
    """Three pictures in each class of each part, such as train="cat dog", val="cat"."""
    paths = [f"{part}/{c}/{i}.png" for part, of in classes.items() for c in of.split() for i in range(3)]
    return {path: noise(k, 8, 8) for k, path in enumerate(paths)}


def problems(data, kind):
    return [p.name for p in data.problems if p.kind == kind]


def test_a_folder_a_class(pets):
    """Without parts there is a seeded split; names are relative, labels are the folders."""
    data = open_dataset(pets())
    assert data.name == "pets"
    assert data.classes == ("cat", "dog")
    assert {part: len(of) for part, of in data.parts.items()} == {"train": 6, "val": 2, "test": 2}
    for part in data.parts.values():
        assert [data.classes[label] for label in part.labels] == [name.split("/")[0] for name in part.names]
    assert data.problems == ()


def test_parts_are_taken_as_they_are(lay_out, noise):
    """train/, val/ and test/ are not mixed."""
    data = open_dataset(lay_out(laid_out(noise, train="cat dog", val="cat dog", test="cat dog")))
    assert all(name.startswith(part + "/") for part, of in names(data).items() for name in of)


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val", "VALIDATION"])
def test_validation_has_several_names(val, lay_out, noise):
    """All of them mean val."""
    data = open_dataset(lay_out(laid_out(noise, train="cat dog", **{val: "cat dog"})))
    assert [name.split("/")[0] for name in data.parts["val"].names] == [val] * 6


def test_classes_are_matched_by_name_not_by_order(lay_out, noise):
    """A class that is missing from the test part does not shift the labels of the others."""
    files = laid_out(noise, train="ant bee cat 10 9", val="bee cat", test="cat 9")
    data = open_dataset(lay_out(files))
    assert data.classes == ("10", "9", "ant", "bee", "cat")
    assert {data.classes[label] for label in data.parts["test"].labels} == {"9", "cat"}
    assert {data.classes[label] for label in data.parts["val"].labels} == {"bee", "cat"}


def test_missing_validation_is_cut_from_training(lay_out, noise):
    """The test part stays whole; a quarter of training, 20 of 80 percent, becomes validation."""
    files = {f"train/{c}/{i}.png": noise(10 * i + len(c), 8, 8) for c in ("cat", "horse") for i in range(8)}
    data = open_dataset(lay_out({**files, **laid_out(noise, test="cat horse")}))
    assert {part: len(of) for part, of in data.parts.items()} == {"train": 12, "val": 4, "test": 6}
    assert all(name.startswith("train/") for name in data.parts["val"].names)


def test_missing_test_part_stays_missing(lay_out, noise):
    """Nothing is made up to be judged on."""
    data = open_dataset(lay_out(laid_out(noise, train="cat dog", val="cat dog")))
    assert list(data.parts) == ["train", "val"]


def test_a_class_may_be_called_train(lay_out, noise):
    """A folder with pictures and no folders in it is a class, whatever its name."""
    files = {f"{c}/{i}.png": noise(10 * i + len(c), 8, 8) for c in ("train", "bus") for i in range(3)}
    assert open_dataset(lay_out(files)).classes == ("bus", "train")


def test_hidden_folders_are_no_classes(pets, noise):
    """Notebooks, version control and archives leave folders that are not classes, and files that are not pictures."""
    picture = noise(1, 8, 8)
    more = {f"{d}/a.png": picture for d in (".ipynb_checkpoints", ".git", "__MACOSX", "cat/.thumbs", "cat/__MACOSX")}
    data = open_dataset(pets(5, {**more, "cat/._0.png": b"x", ".DS_Store": b"x"}))
    assert data.classes == ("cat", "dog")
    assert sum(len(part) for part in data.parts.values()) == 10
    assert data.problems == ()


def test_other_files_are_left_out_and_listed(pets):
    """What is not called an image is no bad file, and not forgotten either."""
    data = open_dataset(pets(5, {"cat/notes.txt": b"x", "README": b"x", "cat/a.gif": b"x"}))
    assert problems(data, "ignored") == ["cat/a.gif", "cat/notes.txt", "README"]


def test_folders_beside_the_parts_are_listed(lay_out, noise):
    """With parts, other folders are not classes."""
    data = open_dataset(lay_out(laid_out(noise, train="cat dog", val="cat dog", extra="cat")))
    assert problems(data, "ignored") == ["extra"]


def test_folders_in_a_class_belong_to_it(pets, noise):
    """Nested folders are read, however deep."""
    deep = "cat/" + "/".join("abcdefgh" * 20) + "/1.png"
    data = open_dataset(pets(5, {"cat/young/1.png": noise(70, 8, 8), deep: noise(71, 8, 8)}))
    labels = {n: data.classes[k] for p in data.parts.values() for n, k in zip(p.names, p.labels, strict=True)}
    assert labels["cat/young/1.png"] == labels[deep] == "cat"


def test_odd_names_survive(lay_out, noise, encode):
    """Line ends, quotes, and bytes that are no UTF-8, in files and in classes."""
    odd = ["two\nlines.png", "quote'\".png", "käse.png", os.fsdecode(b"caf\xe9.png"), " space.PNG"]
    root = lay_out({f"cat/{i}.png": noise(i, 8, 8) for i in range(3)})
    (root / os.fsdecode(b"h\xfchner")).mkdir()
    for i, name in enumerate(odd):
        for class_ in ("cat", os.fsdecode(b"h\xfchner")):
            (root / class_ / name).write_bytes(encode(noise(50 + i + len(class_), 8, 8)))
    data = open_dataset(root)
    found = {n for part in data.parts.values() for n in part.names}
    assert {f"cat/{name}" for name in odd} <= found
    assert data.classes == ("cat", "h\udcfchner")
    for part in data.parts.values():
        for i in range(len(part)):
            part.read(i)


def test_links_inside_are_followed_and_others_named(pets, tmp_path):
    """Links to the data's own files are read; links out of it, in a circle or nowhere are bad files."""
    root = pets()
    (tmp_path / "secret").mkdir()
    shutil.copy(root / "cat/0.png", tmp_path / "secret/0.png")
    links = {
        "cat/own.png": "../dog/0.png",
        "cat/out.png": "/etc/passwd",
        "cat/nowhere.png": "gone.png",
        "cat/self.png": "self.png",
        "cat/up": "..",
        "cat/here": ".",
        "dog/secret": str(tmp_path / "secret"),
        "fish": str(tmp_path / "secret"),
    }
    for link, target in links.items():
        (root / link).symlink_to(target)
    data = inspect_dataset(root)
    bad = {p.name: p.why for p in data.problems if p.kind == "link"}
    assert bad == {
        "cat/out.png": "leads out of the data, to '/etc/passwd'",
        "cat/nowhere.png": "leads nowhere: to 'gone.png'",
        "cat/self.png": "Too many levels of symbolic links",
        "cat/up": f"leads in a circle, to '{root}'",
        "cat/here": f"leads in a circle, to '{root / 'cat'}'",
        "dog/secret": f"leads out of the data, to '{tmp_path / 'secret'}'",
        "fish": f"leads out of the data, to '{tmp_path / 'secret'}'",
    }
    assert "cat/own.png" in [n for part in data.parts.values() for n in part.names]
    with pytest.raises(DataError, match=r"cat/out.png"):
        open_dataset(root)
    assert open_dataset(root, DataOptions(skip_bad=True)).classes == ("cat", "dog")


def test_a_linked_folder_is_entered_once(pets, noise):
    """Links to folders inside linked folders do not multiply: n of them would give 2 to the n paths."""
    root = pets(3, {f"pool/{i}/a.png": noise(60 + i, 8, 8) for i in range(12)})
    for i in range(11):
        for link in ("l", "r"):
            (root / f"pool/{i}/{link}").symlink_to(f"../{i + 1}")
    data = inspect_dataset(root)
    assert sum(len(part) for part in data.parts.values()) == 6 + 12 + 22
    assert any(p.why.startswith("a link to a folder, in a folder that a link led to") for p in data.problems)


def test_the_data_itself_may_be_a_link(pets, tmp_path):
    """DATA may be a link: the user has given it."""
    (tmp_path / "link").symlink_to(pets())
    assert len(open_dataset(tmp_path / "link").parts["train"]) == 6


def test_empty_class_folder_stops_unless_skipped(pets):
    """A class folder without images is named; skipped, it is no class."""
    root = pets(5, {"bird/readme.txt": b"x"})
    with pytest.raises(DataError, match=r"'bird' +empty class: a class folder without images"):
        open_dataset(root)
    assert open_dataset(root, DataOptions(skip_bad=True)).classes == ("cat", "dog")


def test_a_class_whose_files_are_all_bad_is_no_class(pets):
    """Skipping its files skips the class."""
    root = pets(5, {"bird/a.png": b"x"})
    assert open_dataset(root, DataOptions(skip_bad=True)).classes == ("cat", "dog")


@pytest.mark.refusal
@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_class_only_in_the_test_part_is_refused(skip_bad, lay_out, noise):
    """What nobody can learn is not judged; and it is reported where nothing is refused."""
    root = lay_out(laid_out(noise, train="cat dog", val="cat dog", test="cat bird"))
    with pytest.raises(DataError) as error:
        open_dataset(root, DataOptions(skip_bad=skip_bad))
    assert str(error.value) == (
        "open_dataset: 1 problem stops 'pets'.\n"
        f"  data    {root}\n"
        "  'bird'  unknown class: pictures to judge: 3; to train on: none\n"
        "Mend what is named: some of it cannot be skipped."
    )
    data = inspect_dataset(root)
    assert Problem("unknown class", "bird", "pictures to judge: 3; to train on: none") in data.problems
    assert len(data.parts["test"]) == 3


def test_one_class_is_refused(lay_out, noise):
    """There is nothing to tell apart."""
    root = lay_out({f"cat/{i}.png": noise(i, 8, 8) for i in range(5)})
    with pytest.raises(DataError, match=r"'cat' +one class: the only class; telling apart takes two"):
        open_dataset(root)


@pytest.mark.refusal
def test_no_class_folder_is_refused(lay_out, noise):
    """Pictures without folders have no labels."""
    root = lay_out({"a.png": noise(1, 8, 8)})
    with pytest.raises(DataError) as error:
        open_dataset(root)
    assert str(error.value) == (
        "open_dataset: there is no class folder with images.\n"
        f"  data     {root}\n"
        "  'a.png'  ignored: a file that is in no class folder\n"
        "Give each class a folder of its own: DATA/cat/1.jpg, or DATA/train/cat/1.jpg with DATA/val and DATA/test."
    )


@pytest.mark.refusal
def test_parts_without_training_are_refused(lay_out, noise):
    """val/ and test/ alone are not two classes."""
    root = lay_out(laid_out(noise, val="cat dog", test="cat dog"))
    with pytest.raises(DataError) as error:
        open_dataset(root)
    assert str(error.value) == (
        "open_dataset: there is no train/ beside the other parts.\n"
        f"  data     {root}\n"
        "  folders  test, val\n"
        "Add train/, or pass split=(0, 0, 1) to judge a trained model with what is there."
    )


@pytest.mark.refusal
def test_two_folders_for_one_part_are_refused(lay_out, noise):
    """val/ and valid/ together are a mistake."""
    root = lay_out(laid_out(noise, train="cat dog", val="cat dog", valid="cat dog"))
    with pytest.raises(DataError) as error:
        open_dataset(root)
    assert str(error.value) == (
        "open_dataset: two folders mean the same part.\n"
        f"  data     {root}\n"
        "  folders  train, val, valid\n"
        "Keep one folder each for train, val and test."
    )


def test_data_to_judge_by_needs_no_training_part(pets, lay_out, noise):
    """With a training share of 0, all of a plain folder is the test part, and a stated part stays what it is."""
    options = DataOptions(split=(0.0, 0.0, 1.0))
    assert {part: len(of) for part, of in open_dataset(pets(), options).parts.items()} == {"test": 10}
    stated = open_dataset(lay_out(laid_out(noise, test="cat"), "tests"), options)
    assert {part: len(of) for part, of in stated.parts.items()} == {"test": 3}
    assert stated.classes == ("cat",)


def test_the_order_of_the_file_system_does_not_matter(pets, monkeypatch):
    """Files are taken by name."""
    root = pets()
    before = names(open_dataset(root))
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: list(np.random.default_rng(0).permutation(listdir(path))))
    assert names(open_dataset(root)) == before
