"""explain.pictures: images by their number."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from striate import DataOptions, open_dataset
from striate.data.transforms import normalize
from striate.explain.pictures import Images, Pictures, fingerprint


@pytest.fixture(scope="module")
def digits():
    """The digits, in three parts."""
    return open_dataset("digits", DataOptions(image_size=(8, 8)))


def test_parts_follow_one_another(digits):
    """A number beyond a part's end is of the next; each is normalised as the network was trained."""
    train, val = digits.parts["train"], digits.parts["val"]
    pictures = Pictures([train, val])
    assert len(pictures) == len(train) + len(val)
    found = pictures[[len(train), 3, len(train) - 1]]
    want = [val.read(0), train.read(3), train.read(len(train) - 1)]
    p = digits.preprocess
    torch.testing.assert_close(found, normalize(torch.stack([torch.from_numpy(i) for i in want]), p.mean, p.std))


def test_a_tensor_is_images_too(digits):
    """Whatever gives images by a list of numbers."""
    assert isinstance(torch.zeros(3, 1, 8, 8), Images)
    assert isinstance(Pictures([]), Images)
    assert len(Pictures([])) == 0


def test_other_pictures_have_another_fingerprint(digits, pictures):
    """In memory or in files: one in the middle that is changed is told; the same ones are the same."""
    train = digits.parts["train"]
    held = train.held.copy()
    held[5] = 255 - held[5]
    before = Pictures([train]).fingerprint
    assert Pictures([replace(train, held=train.held.copy())]).fingerprint == before
    assert Pictures([replace(train, held=held)]).fingerprint != before
    files = replace(open_dataset(pictures({"a": 9, "b": 9})).parts["train"], held=None)
    before = fingerprint(Pictures([files]))
    assert fingerprint(Pictures([files])) == before
    path = Path(files.root) / files.names[2]
    path.write_bytes(path.read_bytes() + b"more")
    assert fingerprint(Pictures([files])) != before
