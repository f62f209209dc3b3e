"""CSV: every wrong line is named, no path leaves the folder, and no other file is taken for one."""

import pickle

import pytest

from striate.data import manifest
from striate.data.dataset import DataOptions
from striate.data.readers import inspect_dataset, open_dataset
from striate.errors import DataError


@pytest.fixture
def listed(pets, tmp_path):
    """Give `listed(text)`: a CSV with this text beside four cats and four dogs."""

    def listed(text, encoding="utf-8"):
        path = pets(4) / "data.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return listed


ROWS = [f"{c}/{i}.png,{c}" for c in ("cat", "dog") for i in range(4)]
TABLE = "path,label\n" + "\n".join(ROWS) + "\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_reads_paths_and_labels(encoding, ends, listed):
    """With or without a byte-order mark, with either line end, in any order: as the folder itself."""
    data = open_dataset(listed(TABLE.replace("\n", ends), encoding))
    assert (data.name, data.classes) == ("data.csv", ("cat", "dog"))
    assert {part: len(of) for part, of in data.parts.items()} == {"train": 4, "val": 2, "test": 2}
    shuffled = "path,label\n" + "\n".join(reversed(ROWS))
    assert open_dataset(listed(shuffled)).fingerprint == data.fingerprint


def test_reads_stated_parts(listed):
    """A third column says where each picture belongs."""
    parts = ["train", "train", "val", "test", "Training", "train", "validation", "testing"]
    data = open_dataset(listed("path,label,split\n" + "\n".join(map(",".join, zip(ROWS, parts, strict=True)))))
    assert {part: list(of.names) for part, of in data.parts.items()} == {
        "train": ["cat/0.png", "cat/1.png", "dog/0.png", "dog/1.png"],
        "val": ["cat/2.png", "dog/2.png"],
        "test": ["cat/3.png", "dog/3.png"],
    }


def test_an_empty_split_column_is_none(listed):
    """A column without a word in it says nothing."""
    data = open_dataset(listed("path,label,split\n" + "\n".join(row + "," for row in ROWS)))
    assert len(data.parts) == 3


def test_odd_names_and_labels_survive(listed):
    """Commas, quotes and line ends in quotes."""
    path = listed(TABLE + '"cat/a,""b""\nc.png","cat"\n')
    (path.parent / "cat/0.png").rename(path.parent / 'cat/a,"b"\nc.png')
    data = inspect_dataset(path)
    assert 'cat/a,"b"\nc.png' in [n for part in data.parts.values() for n in part.names]
    assert [p.name for p in data.problems] == ["cat/0.png"]


def test_every_bad_line_is_named(listed, tmp_path):
    """All of them at once, each with its number."""
    path = listed(
        TABLE
        + "cat/0.png,cat\n"  # line 10
        + "./dog/1.png,dog\n"
        + "dog/2.png,\n"
        + ",dog\n"
        + "../outside.png,dog\n"
        + "/etc/passwd,dog\n"
        + "cat/9.png,cat\n"
        + "cat/1.png\n"
        + "cat/2.png,cat,train\n"
        + "cat/link.png,cat\n"
    )
    (path.parent / "cat/link.png").symlink_to("/etc/passwd")
    data = inspect_dataset(path)
    assert [(p.kind, p.name, p.why) for p in data.problems] == [
        ("bad line", "cat/0.png", "line 10: the same path as line 2"),
        ("bad line", "./dog/1.png", "line 11: the same path as line 7"),
        ("bad line", "dog/2.png", "line 12: the label is empty"),
        ("bad line", "", "line 13: the path is empty"),
        ("bad line", "../outside.png", "line 14: the path may not leave the CSV's folder"),
        ("bad line", "/etc/passwd", "line 15: the path may not leave the CSV's folder"),
        ("missing", "cat/9.png", "line 16: there is no such file"),
        ("bad line", "cat/1.png", "line 17: the header has 2 columns, this line 1"),
        ("bad line", "cat/2.png", "line 18: the header has 2 columns, this line 3"),
        ("link", "cat/link.png", "line 19: leads out of the data, to '/etc/passwd'"),
    ]
    with pytest.raises(DataError, match=r"10 problems stop 'data.csv'"):
        open_dataset(path, DataOptions())
    with pytest.raises(DataError, match=r"8 problems stop 'data.csv'"):
        open_dataset(path, DataOptions(skip_bad=True))


def test_splits_are_known_and_on_every_line(listed):
    """A word that means no part, or a part on some lines only, is a bad line."""
    rows = ["cat/0.png,cat,train", "cat/1.png,cat,holdout", "dog/0.png,dog,", "dog/1.png,dog,train"]
    data = inspect_dataset(listed("path,label,split\n" + "\n".join(rows)))
    known = "train, training, val, valid, validation, test, testing"
    assert [p.why for p in data.problems if p.kind == "bad line"] == [
        f"line 3: the split 'holdout' is none of {known}",
        "line 4: the split is empty, on other lines it is not",
    ]


def test_a_header_alone_is_no_data(listed):
    """No lines, no pictures."""
    with pytest.raises(DataError, match=r"'data' +no images: no picture can be used"):
        open_dataset(listed("path,label\n"))


def test_a_linked_csv_stands_where_its_link_stands(listed, pets, tmp_path):
    """Paths are relative to the folder that the user named."""
    target = listed(TABLE)
    elsewhere = tmp_path / "elsewhere.csv"
    target.rename(elsewhere)
    target.symlink_to(elsewhere)
    assert sum(len(part) for part in open_dataset(target).parts.values()) == 8


def refusal(path):
    with pytest.raises(DataError) as error:
        open_dataset(path)
    return str(error.value)


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cat/0.png,cat\n", "'cat/0.png,cat'"),
        ("path;label\n", "'path;label'"),
        ("label,path\n", "'label,path'"),
        ("", "''"),
        ("path,label,weight\n", "'path,label,weight'"),
    ],
)
def test_the_header_is_required(text, shown, listed):
    """A file whose columns are not named is not guessed at."""
    path = listed(text)
    assert refusal(path) == (
        "open_dataset: the CSV file's first line is not its header.\n"
        f"  data    {path}\n"
        f"  line_1  {shown}\n"
        "Let it begin with the line path,label or path,label,split (commas between, no other columns)."
    )


@pytest.mark.refusal
def test_binary_files_are_refused(listed):
    """A pickle called .csv is refused, not opened."""
    path = listed(b"path,label\n" + pickle.dumps({"a": "b\0c"}))
    assert refusal(path) == (
        "open_dataset: the file is binary, not CSV.\n"
        f"  data       {path}\n"
        "  zero_byte  line 2\n"
        "Save it as CSV in UTF-8; other files are not read, and none is ever unpickled."
    )


@pytest.mark.refusal
def test_other_encodings_are_refused(listed):
    """Latin-1 is not guessed at: the line and the byte are named."""
    path = listed("path,label\ncat/0.png,kätzchen\n", "latin-1")
    assert refusal(path) == (
        "open_dataset: the CSV file is not UTF-8.\n"
        f"  data  {path}\n"
        "  line  2\n"
        "  byte  0xe4\n"
        "Save it as CSV in UTF-8; other files are not read, and none is ever unpickled."
    )


@pytest.mark.refusal
def test_broken_quotes_are_refused(listed):
    """A quote that does not end is found."""
    path = listed('path,label\n"cat/0.png,cat\n')
    assert refusal(path) == (
        "open_dataset: the CSV file cannot be parsed.\n"
        f"  data   {path}\n"
        "  line   2\n"
        "  found  unexpected end of data\n"
        'Put values that hold commas, quotes or line ends in quotes, and double the quotes in them: "a ""b"" c".'
    )


@pytest.mark.refusal
def test_endless_files_are_refused(listed, monkeypatch):
    """A list too long for memory is refused before it is split into lines."""
    monkeypatch.setattr(manifest, "CSV_LIMIT", 10)
    path = listed(TABLE)
    assert refusal(path) == (
        "open_dataset: the CSV file is too large.\n"
        f"  data        {path}\n"
        "  most_bytes  10\n"
        "Use a folder of class folders."
    )
