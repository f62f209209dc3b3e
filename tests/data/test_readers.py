"""One table of readers; what none of them reads is refused by name."""

import numpy as np
import pytest

from striate.data.dataset import DataOptions
from striate.data.readers import READERS, inspect_dataset, open_dataset
from striate.errors import DataError

LIST = (
    "  digits    digits: 1,797 handwritten digits, embedded\n"
    "  folder    a folder that holds a folder of images for each class\n"
    "  manifest  a .csv file with the columns path,label or path,label,split\n"
    "Give one of these. No other file is opened, and none is ever unpickled."
)


@pytest.fixture(params=sorted(READERS))
def given(request, pets):
    """Something for every row of the table."""
    if request.param == "digits":
        return "digits"
    root = pets(5)
    if request.param == "folder":
        return root
    rows = [f"{p.relative_to(root)},{p.parent.name}" for p in root.rglob("*.png")]
    (root / "list.csv").write_text("path,label\n" + "\n".join(rows))
    return root / "list.csv"


def test_every_reader_gives_the_same_kind_of_data(given):
    """The contract: parts, shapes, types, ranges, labels within the classes, names sorted, and repeatable."""
    options = DataOptions(image_size=(12, 20), channels=3, resize="stretch")
    data = open_dataset(given, options)
    assert list(data.parts) == ["train", "val", "test"]
    assert list(data.classes) == sorted(data.classes)
    assert len(data.fingerprint) == 64
    for part in data.parts.values():
        assert len(part) == len(part.names) == len(part.labels) == len(part.sizes) == len(part.grey)
        assert list(part.names) == sorted(part.names)
        assert part.labels.dtype == np.int64
        assert set(part.labels) <= set(range(len(data.classes)))
        x = part.read(0)
        assert (x.shape, x.dtype) == ((3, 12, 20), np.float32)
        assert 0 <= x.min() <= x.max() <= 1
        assert x.flags.writeable
        assert part.preprocess == data.preprocess
    assert open_dataset(str(given), options).fingerprint == data.fingerprint


def test_the_first_row_that_accepts_reads(tmp_path, monkeypatch, pets):
    """`digits` is the embedded data even where a folder has that name; `./digits` is the folder."""
    pets(5).rename(tmp_path / "digits")
    monkeypatch.chdir(tmp_path)
    assert open_dataset("digits").root == "digits"
    assert open_dataset("./digits").classes == ("cat", "dog")


@pytest.mark.refusal
@pytest.mark.parametrize("function", [open_dataset, inspect_dataset])
def test_data_that_is_not_there_is_refused(function):
    """The message lists what can be given."""
    with pytest.raises(DataError) as error:
        function("dogits")
    assert str(error.value) == f"open_dataset: 'dogits' does not exist.\n{LIST}"


@pytest.mark.refusal
@pytest.mark.parametrize("name", ["data.npz", "data.npy", "data.pkl", "data.pt", "a.png", "data"])
def test_other_files_are_refused_unopened(name, tmp_path):
    """Archives and pickles are not opened, whatever they hold."""
    np.save(tmp_path / "x.npy", np.array([print], dtype=object), allow_pickle=True)
    path = (tmp_path / "x.npy").rename(tmp_path / name)
    path.chmod(0)
    with pytest.raises(DataError) as error:
        open_dataset(path)
    assert str(error.value) == f"open_dataset: '{path}' is neither a folder nor a .csv file.\n{LIST}"


def test_progress_ends_with_all(pets):
    """The last call has all files done."""
    calls = []
    open_dataset(pets(5), on_progress=lambda *c: calls.append(c))
    assert calls[-1] == (10, 10)
