"""A description counts what is there and lists what is wrong."""

import pytest

from striate.data.describe import describe
from striate.data.readers import inspect_dataset, open_dataset


def test_counts_what_is_there(pets, noise):
    """Pictures by part and class, sizes, colours."""
    found = describe(open_dataset(pets(5, {"cat/big.png": noise(1, 40, 60, 3)})))
    assert found.classes == ("cat", "dog")
    assert {part: sum(of) for part, of in found.counts.items()} == {"train": 7, "val": 2, "test": 2}
    assert (found.grey, found.color) == (10, 1)
    assert found.heights == (12, 12, 40)
    assert found.widths == (10, 10, 60)
    assert found.problems == {}


def test_says_it_in_words(pets):
    """As text: a table of classes and parts, then sizes, then problems, the gravest first."""
    files = {"cat/0\n.png": b"", "cat/a.txt": b"x", "dog/bad.png": b"x"}
    data = inspect_dataset(pets(5, files))
    assert str(describe(data)) == (
        "pets  2 classes, 10 pictures\n"
        "class  train  val  test\n"
        "cat        3    1     1\n"
        "dog        3    1     1\n"
        "all        6    2     2\n"
        "height    12 to 12, median 12 pixels\n"
        "width     10 to 10, median 10 pixels\n"
        "colour    0 pictures, 10 grey\n"
        f"identity  {data.fingerprint[:16]}\n"
        "empty: 1 (stops training unless skipped)\n"
        "  'cat/0\\n.png'  0 bytes\n"
        "not an image: 1 (stops training unless skipped)\n"
        "  'dog/bad.png'  begins with b'x', which is none of JPEG, PNG, WebP, BMP, TIFF\n"
        "ignored: 1 (for your information)\n"
        "  'cat/a.txt'  not named as an image"
    )


def test_many_problems_are_counted(pets):
    """The text lists five of a kind; the object has all."""
    found = describe(inspect_dataset(pets(5, {f"cat/{i}.txt": b"x" for i in range(30)})))
    assert str(found).splitlines()[-1] == "  and 25 more"
    assert len(found.problems["ignored"]) == 30


@pytest.mark.parametrize("files", [{"cat/a.png": b"x"}])
def test_nothing_good_is_described_too(files, lay_out):
    """No pictures: no sizes."""
    found = describe(inspect_dataset(lay_out(files)))
    assert (found.heights, found.counts, found.grey, found.color) == (None, {}, 0, 0)
    assert "no images: 1 (stops training)" in str(found)
