"""The same data has the same fingerprint, and other data another."""

import os

from striate.data.dataset import DataOptions
from striate.data.readers import open_dataset


def test_is_of_the_data_and_not_of_its_place_or_time(pets, tmp_path):
    """A copy elsewhere, made later, is the same data; so is the data at another size."""
    root = pets()
    first = open_dataset(root).fingerprint
    root.rename(tmp_path / "moved")
    for path in (tmp_path / "moved").rglob("*.png"):
        os.utime(path, (1, 1))
    assert open_dataset(tmp_path / "moved", DataOptions(image_size=(8, 8))).fingerprint == first


def test_every_change_shows(pets, encode, noise):
    """Another byte, name, class or part: another fingerprint."""
    root = pets()
    seen = {open_dataset(root).fingerprint, open_dataset(root, DataOptions(split_seed=1)).fingerprint}
    (root / "cat/0.png").write_bytes(encode(noise(99, 12, 10)))
    seen.add(open_dataset(root).fingerprint)
    (root / "cat/0.png").rename(root / "cat/x.png")
    seen.add(open_dataset(root).fingerprint)
    (root / "cat").rename(root / "ant")
    seen.add(open_dataset(root).fingerprint)
    assert len(seen) == 5
