"""explain.rendering: colours mean what the legend says, whatever the scale."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from striate.errors import ShapeError
from striate.explain.rendering import (
    SHOWN,
    data_url,
    enlarged,
    grey,
    overlay,
    photograph,
    png,
    sheet,
    strength,
    tint,
    veil,
    way_of,
)

MAP = torch.tensor([[-2.0, -1.0, 0.0, 1.0, 2.0]])


def test_red_is_above_zero_and_blue_below():
    """The sign is the hue, zero is white, and equal magnitudes are equally far from white."""
    colours = tint(MAP)[0].astype(int)
    assert colours[2].tolist() == [255, 255, 255]
    assert (colours[3:, 0] > colours[3:, 2]).all()
    assert (colours[:2, 2] > colours[:2, 0]).all()


def test_a_map_is_judged_by_its_own_largest_value_or_by_a_limit():
    """Ten times the map is the same picture; under one limit for both it is not."""
    for draw in (tint, strength, lambda values, limit=None: grey(values[None], limit)):
        assert np.array_equal(draw(MAP), draw(10 * MAP))
        assert not np.array_equal(draw(MAP, 20.0), draw(10 * MAP, 20.0))


def test_brighter_is_stronger():
    """Brightness rises all the way from nothing to most, and what is below zero is nothing."""
    colours = strength(torch.arange(64.0).view(1, -1))[0].astype(int)
    brightness = colours @ np.array([299, 587, 114])
    assert (np.diff(brightness) > 0).all()
    assert (strength(MAP)[0, :3] == strength(torch.zeros(1, 1))[0, 0]).all()


@pytest.mark.parametrize("draw", [tint, strength, lambda values: grey(values[None])])
def test_nothing_has_one_colour(draw):
    """A map of zeros divides by nothing and has the colour of zero everywhere."""
    assert len(np.unique(draw(torch.zeros(3, 4)).reshape(12, -1), axis=0)) == 1


def test_zero_is_the_middle_grey_of_each_channel():
    """One colour alone is above grey, the others stay there."""
    values = torch.zeros(3, 1, 2)
    values[0, 0, 1] = 5
    assert grey(values).tolist() == [[[128, 128, 128], [255, 128, 128]]]


@pytest.mark.parametrize("name", ["signed", "strength"])
def test_what_is_strong_covers_the_image_and_what_is_not_lets_it_through(name):
    """Where nothing is found the image shows, without its colours; at the strongest place the map alone."""
    image, values = photograph(torch.rand(3, 4, 5)), torch.zeros(1, 4, 5)
    values[0, 1, 2] = 3
    made = overlay(image, SHOWN[name].laid(values))
    plain = np.asarray(Image.fromarray(image).convert("L").convert("RGB"))
    where = np.ones((4, 5), bool)
    where[1, 2] = False
    assert np.array_equal(made[where], plain[where])
    assert np.array_equal(made[1, 2], SHOWN[name].draw(values)[1, 2])


def test_what_covers_much_lets_the_image_through():
    """At the strongest place there is as much of the map as its way says."""
    image, values, way = photograph(torch.full((1, 1, 1), 1.0)), torch.ones(1, 1, 1), SHOWN["areas"]
    made = overlay(image, way.laid(values), way.opacity)[0, 0]
    want = 255 * (1 - way.opacity) + way.draw(values)[0, 0] * way.opacity
    assert np.abs(made - want).max() < 1


def test_a_veil_is_thicker_where_there_is_more():
    """And a tenth of the strongest is still seen."""
    alpha = veil(tint(MAP), np.array([[0, 0.1, 0.5, 0.9, 1.0]], np.float32))[0, :, 3].astype(int)
    assert (np.diff(alpha) > 0).all()
    assert alpha.tolist()[0] == 0
    assert alpha[1] > 50
    assert SHOWN["grey"].laid(torch.zeros(1, 2, 2)) is None


def test_few_pixels_stay_squares():
    """Enlarging repeats samples; reducing averages them."""
    assert np.unique(np.asarray(enlarged(np.array([[[0], [255]]], np.uint8), 100))).tolist() == [0, 255]
    assert np.asarray(enlarged(np.tile(np.array([0, 255], np.uint8), (8, 4))[..., None], 1)).item() in range(120, 136)


def test_a_sheet_holds_its_pictures_in_order():
    """Each lies where its number says, and the rest is white."""
    pictures = [np.full((2, 3, 1), 10 * i, np.uint8) for i in range(5)]
    made = sheet(pictures, columns=2, gap=1)
    assert made.shape == (8, 7, 3)
    assert [int(made[3 * (i // 2), 4 * (i % 2), 0]) for i in range(5)] == [0, 10, 20, 30, 40]
    assert made[2].min() == 255
    assert made[6:, 4:].min() == 255


@pytest.mark.refusal
def test_a_sheet_of_nothing_is_refused():
    """And of several sizes."""
    with pytest.raises(ShapeError) as error:
        sheet([np.zeros((2, 2, 1), np.uint8), np.zeros((2, 3, 1), np.uint8)][:0])
    assert str(error.value) == (
        "sheet: pictures are not of one size.\n  sizes  set()\nPass one picture or more, all as large."
    )


def test_pixels_survive_the_page():
    """What the address holds is a PNG of the very pixels."""
    pixels = photograph(torch.rand(3, 6, 7))
    packed = data_url(pixels).removeprefix("data:image/png;base64,")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(packed)))), pixels)
    assert png(pixels[..., :1]).startswith(b"\x89PNG")


def test_every_way_says_what_it_means():
    """A legend, two ends, a key of the colours that it draws; and it takes one channel and three."""
    assert way_of("deconvnet", signed=True) is SHOWN["grey"]
    assert way_of("integrated_gradients", signed=True) is SHOWN["signed"]
    assert way_of("occlusion", signed=True).ends == ("hiding it raises", "hiding it lowers")
    assert way_of("grad_cam", signed=False) is SHOWN["areas"]
    for way in SHOWN.values():
        assert len(way.legend) > 40
        assert all(way.ends)
        assert way.key.startswith("linear-gradient(to right, rgb(")
        for channels in (1, 3):
            assert way.draw(torch.randn(channels, 4, 5)).shape[:2] == (4, 5)
