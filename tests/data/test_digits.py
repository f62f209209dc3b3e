"""The digits are scikit-learn's, in one split for ever."""

import hashlib
from typing import Any

import numpy as np
import pytest
from sklearn import datasets

from striate.data.dataset import DataOptions
from striate.data.image import read_image
from striate.data.readers import open_dataset

# If this changes, results on the digits are no longer comparable with earlier ones.
FINGERPRINT = "e486baa885a1773d934a1c2e52997e51d9c078e08f25f2b94692de9649bfee8d"
NAMES = "ebd1404500a1746de1802da87825c56fa4747774593aeee17d7a33f6f6d025f2"


def test_split_is_fixed():
    """1079, 359 and 359 digits, the same ones whatever the options say."""
    data = open_dataset("digits")
    names = "\n".join(f"{part} {name}" for part in data.parts for name in data.parts[part].names)
    assert hashlib.sha256(names.encode()).hexdigest() == NAMES
    assert data.fingerprint == FINGERPRINT
    assert open_dataset("digits", DataOptions(split=(0.1, 0.8, 0.1), split_seed=5)).fingerprint == FINGERPRINT
    assert [len(part) for part in data.parts.values()] == [1079, 359, 359]


def test_is_a_stratified_partition():
    """Every digit is in exactly one part, each class by its shares."""
    data = open_dataset("digits")
    assert sorted(n for part in data.parts.values() for n in part.names) == [f"digits/{i:04}" for i in range(1797)]
    _, labels = datasets.load_digits(return_X_y=True)
    for part, share in (("train", 0.6), ("val", 0.2), ("test", 0.2)):
        sizes = np.bincount(data.parts[part].labels)
        np.testing.assert_allclose(sizes, share * np.bincount(labels), atol=1)


def test_at_their_own_size_they_are_scikit_learns():
    """Ink 0 to 16 becomes 0 to 1, and labels stay with their pictures."""
    bunch: Any = datasets.load_digits()
    data = open_dataset("digits", DataOptions(image_size=(8, 8)))
    for part in data.parts.values():
        for i in range(0, len(part), 50):
            row = int(part.names[i].removeprefix("digits/"))
            np.testing.assert_array_equal(part.read(i)[0], (bunch.images[row] / 16).astype(np.float32))
            assert data.classes[part.labels[i]] == str(bunch.target[row])


@pytest.mark.parametrize("channels", [1, 3])
def test_mean_and_deviation_are_numpys(channels):
    """They are those of the stacked training part."""
    data = open_dataset("digits", DataOptions(channels=channels))
    train = data.parts["train"]
    x = np.stack([train.read(i) for i in range(len(train))]).astype(np.float64)
    np.testing.assert_allclose(data.preprocess.mean, x.mean(axis=(0, 2, 3)), rtol=1e-9)
    np.testing.assert_allclose(data.preprocess.std, x.std(axis=(0, 2, 3)), rtol=1e-9)
    assert x.shape == (1079, channels, 32, 32)


def test_reading_from_files_gives_the_same(lay_out, encode):
    """A digit saved as a file goes through the same scaling: equal but for the file's 8 bits."""
    bunch: Any = datasets.load_digits()
    data = open_dataset("digits")
    part = data.parts["train"]
    row = int(part.names[0].removeprefix("digits/"))
    share = (bunch.images[row] / 16).astype(np.float32)
    root = lay_out({"a.tif": encode(share, "TIFF")})
    np.testing.assert_array_equal(read_image(root / "a.tif", data.preprocess), part.read(0))


def test_progress_is_reported():
    """There is nothing to wait for, and that is said."""
    calls = []
    open_dataset("digits", on_progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1797, 1797)]
