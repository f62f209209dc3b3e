"""From files to a data set: channels, statistics, parts and problems fit each other."""

from dataclasses import replace

import numpy as np
import pytest

from striate.data import scan
from striate.data.dataset import DataOptions
from striate.data.readers import inspect_dataset, open_dataset
from striate.errors import DataError


def stacked(part):
    return np.stack([part.read(i) for i in range(len(part))]).astype(np.float64)


@pytest.mark.parametrize("shape", [(12, 10), (12, 10, 3), (12, 10, 4)])
@pytest.mark.parametrize("channels", [None, 1, 3])
@pytest.mark.parametrize("held", [True, False])
def test_mean_and_deviation_are_numpys_on_the_stacked_training_part(shape, channels, held, pets, monkeypatch):
    """Whatever the files, the channels wanted, and whether the pictures are kept."""
    if not held:
        monkeypatch.setattr(scan, "HELD_BYTES", 0)
    data = open_dataset(pets(8, shape=shape), DataOptions(image_size=(8, 8), channels=channels))
    x = stacked(data.parts["train"])
    assert x.shape[1] == data.preprocess.channels == (channels or (1 if len(shape) == 2 else 3))
    assert (data.parts["train"].held is not None) == held
    np.testing.assert_allclose(data.preprocess.mean, x.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(data.preprocess.std, x.std(axis=(0, 2, 3)), rtol=1e-12)


def test_one_colour_picture_makes_the_data_coloured(pets, noise):
    """Only if every training picture is grey is the data grey; and kept pictures equal those read from files."""
    data = open_dataset(pets(5, {f"cat/colour{i}.png": noise(90 + i, 9, 9, 3) for i in range(5)}))
    assert data.preprocess.channels == 3
    for part in data.parts.values():
        assert part.held is not None
        np.testing.assert_array_equal(stacked(part), stacked(replace(part, held=None)))


def test_colour_in_the_test_part_alone_is_read_as_grey(lay_out, noise):
    """The training part decides; a coloured test picture becomes grey by luma."""
    files = {
        f"{p}/{c}/{i}.png": noise(ord(c) * int(i) + len(p), 8, 8) for p in ("train", "val") for c in "ab" for i in "12"
    }
    data = open_dataset(lay_out({**files, "test/a/1.png": noise(7, 8, 8, 3)}), DataOptions(image_size=(8, 8)))
    assert data.preprocess.channels == 1
    got = data.parts["test"].read(0)
    np.testing.assert_allclose(got[0] * 255, noise(7, 8, 8, 3) @ [0.299, 0.587, 0.114], rtol=0, atol=0.51)


def test_kept_pictures_of_both_depths_read_like_files(pets, noise, encode):
    """16-bit pictures among 8-bit ones lose nothing by being kept."""
    deep = (noise(3, 12, 10).astype(np.uint16)) * 250 + 7
    data = open_dataset(pets(5, {f"cat/deep{i}.png": encode(deep + i) for i in range(5)}))
    for part in data.parts.values():
        assert part.held is not None
        np.testing.assert_array_equal(stacked(part), stacked(replace(part, held=None)))


def test_constant_pictures_do_not_divide_by_zero(lay_out):
    """Black pictures have mean 0 and deviation 1."""
    black = {f"{c}/{i}.png": np.full((8, 8), 0, np.uint8) for c in "ab" for i in range(3)}
    data = open_dataset(lay_out(black))
    assert (data.preprocess.mean, data.preprocess.std) == ((0.0,), (1.0,))


def test_copies_across_parts_are_reported_and_stop_nothing(pets, noise):
    """The same bytes in training and test are a leak; under two labels, a conflict."""
    data = open_dataset(pets(12, {f"dog/copy{i}.png": noise(i, 12, 10) for i in range(12)}))
    kinds = {p.kind for p in data.problems}
    assert {"leak", "conflict"} <= kinds
    assert sum(p.kind == "conflict" for p in data.problems) == 12


def test_skipping_leaves_out_what_is_bad_and_lists_it(pets):
    """Bad files stop by default; skipped, they are in the problems and nowhere else."""
    root = pets(5, {"cat/bad.png": b"bad", "dog/empty.png": b""})
    with pytest.raises(DataError, match="2 problems stop 'pets'"):
        open_dataset(root)
    data = open_dataset(root, DataOptions(skip_bad=True))
    assert [(p.kind, p.name) for p in data.problems] == [("not an image", "cat/bad.png"), ("empty", "dog/empty.png")]
    assert sum(len(part) for part in data.parts.values()) == 10


def test_mending_a_bad_file_leaves_the_others_in_their_parts(pets, encode, noise):
    """The split is of the good files; one more moves at most one over each cut."""
    root = pets(10, {"cat/bad.png": b"bad"})
    part_of = lambda data: {n: p for p in data.parts for n in data.parts[p].names}  # noqa: E731
    before = part_of(open_dataset(root, DataOptions(skip_bad=True)))
    (root / "cat/bad.png").write_bytes(encode(noise(500, 8, 8)))
    after = part_of(open_dataset(root))
    assert sum(before[name] != after[name] for name in before) <= 2


def test_nothing_good_is_still_described(lay_out):
    """A folder in which every file is bad can be looked at, and not trained on."""
    root = lay_out({"cat/a.png": b"x", "dog/b.png": b""})
    data = inspect_dataset(root)
    assert (data.parts, data.classes) == ({}, ())
    assert [p.kind for p in data.problems] == ["not an image", "empty", "no images"]
    with pytest.raises(DataError, match="3 problems stop"):
        open_dataset(root)
