"""The contact sheet shows every class, from the pictures that a model gets."""

import numpy as np
import pytest

from striate.data.dataset import DataOptions
from striate.data.readers import inspect_dataset, open_dataset
from striate.data.sheet import contact_sheet


def test_has_a_row_of_pictures_for_each_class():
    """The digits' own pixels are on the sheet, enlarged, in the row of their class."""
    data = open_dataset("digits", DataOptions(image_size=(8, 8)))
    sheet = np.asarray(contact_sheet(data))
    train = data.parts["train"]
    for label in (0, 9):
        first = train.read(int(np.flatnonzero(train.labels == label)[0]))[0]
        tile = np.repeat(np.repeat((first * 255 + 0.5).astype(np.uint8), 9, axis=0), 9, axis=1)
        rows = sheet[:, :, 0].shape[0] - 24 - (10 - label) * 78
        windows = np.lib.stride_tricks.sliding_window_view(sheet[rows : rows + 72, :, 0], (72, 72))[0]
        assert any(np.array_equal(window, tile) for window in windows)


@pytest.mark.parametrize("shape", [(12, 10), (12, 10, 3)])
@pytest.mark.parametrize("size", [(8, 32), (200, 100)])
def test_draws_any_pictures(shape, size, pets):
    """Grey or coloured, wide or tall, few or many."""
    data = open_dataset(pets(shape=shape), DataOptions(image_size=size))
    sheet = contact_sheet(data, per_class=50)
    assert sheet.mode == "RGB"
    assert contact_sheet(data, per_class=50).tobytes() == sheet.tobytes()


def test_odd_and_many_classes_fit(lay_out, noise):
    """Long and unprintable names are shortened and quoted; after 40 classes the rest is counted."""
    files = {f"{'x' * 100}{i}\n/{k}.png": noise(2 * i + k, 6, 6) for i in range(45) for k in range(2)}
    sheet = contact_sheet(open_dataset(lay_out(files)))
    assert sheet.height < 41 * 78 + 100
    assert sheet.width < 2000


def test_nothing_to_show_is_a_sheet_too(lay_out):
    """Without a picture there is a title."""
    assert contact_sheet(inspect_dataset(lay_out({"cat/a.png": b"x"}))).mode == "RGB"
