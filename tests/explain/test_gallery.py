"""explain.gallery: every picture of every part, once, in one row."""

from dataclasses import replace

import pytest
import torch

from striate.data import Preprocess
from striate.errors import DataError
from striate.explain.gallery import open_gallery

GREY = Preprocess((16, 16), 1, (0.3,), (0.4,))


def test_all_parts_are_one_row():
    """The digits have three parts; each picture is there once, with its name and its class."""
    gallery = open_gallery("digits", GREY)
    names = [gallery.name(i) for i in range(len(gallery))]
    assert len(set(names)) == len(gallery) == 1797
    parts = gallery.dataset.parts
    place = 0
    for part in parts.values():
        for i in (0, len(part) - 1):
            assert gallery.name(place + i) == part.names[i]
            assert gallery.read(place + i).equal(torch.from_numpy(part.read(i)))
            assert gallery.truth(place + i) == gallery.dataset.classes[part.labels[i]]
        place += len(part)


def test_a_folder_is_searched_whole(pictures):
    """At the size that the network sees; a bad file is left out and told."""
    root = pictures({"cat": 4, "dog": 3}, size=(20, 18))
    (root / "cat" / "bad.png").write_text("no picture")
    told = []
    gallery = open_gallery(str(root), GREY, lambda done, total: told.append((done, total)))
    assert len(gallery) == 7
    assert gallery.read(3).shape == (1, 16, 16)
    assert sorted(gallery.truth(i) for i in range(7)) == ["cat"] * 4 + ["dog"] * 3
    assert told[-1] == (8, 8)
    assert any("bad.png" in str(problem) for problem in gallery.dataset.problems)


def test_a_changed_picture_changes_the_fingerprint(pictures):
    """One in the middle as well; so does what the pictures become."""
    root = pictures({"cat": 4, "dog": 3}, size=(20, 18))
    before = open_gallery(str(root), GREY).fingerprint
    assert open_gallery(str(root), GREY).fingerprint == before
    assert open_gallery(str(root), replace(GREY, resize="stretch")).fingerprint != before
    (other, *_), (changed, *_) = (sorted((root / name).iterdir()) for name in ("cat", "dog"))
    changed.write_bytes(other.read_bytes())
    assert open_gallery(str(root), GREY).fingerprint != before


@pytest.mark.refusal
def test_data_that_is_not_there_is_refused(tmp_path):
    """As everywhere."""
    with pytest.raises(DataError, match="does not exist"):
        open_gallery(str(tmp_path / "none"), GREY)
