"""A file becomes what a model takes, the same way every time."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from striate.data import decode, image
from striate.data.image import Picture, fit, pictures, read_image, read_pieces, unit
from striate.data.piece import Piece, ten
from striate.data.preprocess import Preprocess
from striate.errors import DataError

GREY = Preprocess((32, 32), 1, (0.5,), (0.5,))


def size(height, width, channels=1):
    return Preprocess((height, width), channels, (0.5,) * channels, (0.5,) * channels)


def test_at_its_own_size_a_picture_is_its_pixels(lay_out, noise):
    """Nothing is resampled where nothing has to be."""
    pixels = noise(1, 20, 30, 3)
    got = read_image(lay_out({"a.png": pixels}) / "a.png", size(20, 30, 3))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, pixels.transpose(2, 0, 1).astype(np.float32) / 255)


def test_grey_to_three_channels_repeats(lay_out, noise):
    """Grey, where colour is wanted, is the same three times."""
    pixels = noise(1, 8, 8)
    got = read_image(lay_out({"a.png": pixels}) / "a.png", size(8, 8, 3))
    np.testing.assert_array_equal(got, np.repeat(pixels[None].astype(np.float32) / 255, 3, axis=0))


def test_colour_to_one_channel_is_luma(lay_out, noise):
    """Colour, where grey is wanted, is 0.299 R + 0.587 G + 0.114 B (ITU-R 601), to the nearest 8-bit value."""
    pixels = noise(1, 8, 8, 3)
    got = read_image(lay_out({"a.png": pixels}) / "a.png", size(8, 8))
    np.testing.assert_allclose(got[0] * 255, pixels @ [0.299, 0.587, 0.114], rtol=0, atol=0.51)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_comes_before_cropping(orientation, lay_out, encode, noise):
    """A photo held sideways gives what the upright photo gives."""
    stored = Image.fromarray(noise(1, 40, 60, 3))
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}[orientation]
    upright = stored if turned is None else stored.transpose(Image.Transpose(turned))
    root = lay_out({"a.png": encode(stored, exif=exif), "b.png": upright})
    a, b = (read_image(root / name, size(16, 24, 3)) for name in ("a.png", "b.png"))
    np.testing.assert_array_equal(a, b)


def test_crop_takes_the_largest_centred_rectangle(noise):
    """Cropping keeps proportions: the short side whole, the long side's middle."""
    image = Image.fromarray(noise(1, 20, 60))
    got = np.asarray(fit(image, Piece((20, 20))))
    np.testing.assert_array_equal(got, np.asarray(image)[:, 20:40])


def test_stretch_keeps_everything(noise):
    """Stretching scales each side by itself: equal to Pillow's own resize."""
    image = Image.fromarray(noise(1, 20, 60))
    got = np.asarray(fit(image, Piece((10, 10), "stretch")))
    np.testing.assert_array_equal(got, np.asarray(image.resize((10, 10), Image.Resampling.BILINEAR)))


def test_reduction_does_not_alias():
    """Fine stripes, reduced, are grey: every pixel of the original counts."""
    stripes = Image.fromarray(np.tile(np.array([0, 255], dtype=np.uint8), (64, 32)))
    got = np.asarray(fit(stripes, Piece((8, 8)))).astype(float)
    np.testing.assert_allclose(got, 127.5, rtol=0, atol=5)


def test_sixteen_bits_are_scaled_as_floats(encode):
    """16-bit grey keeps its depth through scaling, and stays within 1."""
    deep = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    got = pictures(encode(deep), [Piece((32, 32))])[0].pixels
    assert got.dtype == np.float32
    assert len(np.unique(got)) > 256
    white = pictures(encode(np.full((50, 50), 65535, dtype=np.uint16)), [Piece((32, 32))])[0].pixels
    assert white.max() <= 1


def test_tells_the_original(encode, noise):
    """The original's size, upright, and whether it is grey."""
    exif = Image.Exif()
    exif[0x0112] = 6
    got = pictures(encode(noise(1, 20, 30), exif=exif), [Piece((8, 8))])[0]
    assert isinstance(got, Picture)
    assert got.size == (30, 20)
    assert got.grey
    assert got.pixels.dtype == np.uint8


def test_unit_is_new_and_between_zero_and_one(noise):
    """What is read can be changed without changing what is kept."""
    kept = (noise(1, 1, 4, 4) / np.float32(255)).astype(np.float32)
    values = unit(kept, 1)
    values += 1
    assert kept.max() <= 1


@pytest.mark.refusal
def test_a_bad_file_is_named(lay_out):
    """The message has the file, the kind of damage, what was found, and what to do."""
    path = lay_out({"a.png": b"hello"}) / "a.png"
    with pytest.raises(DataError) as error:
        read_image(path, GREY)
    assert str(error.value) == (
        f"read_image: '{path}' cannot be used.\n"
        "  kind   not an image\n"
        "  found  begins with b'hello', which is none of JPEG, PNG, WebP, BMP, TIFF\n"
        "Replace the file or leave it out."
    )


def test_pieces_of_a_file_are_decoded_once_and_the_first_is_the_middle(lay_out, noise, monkeypatch):
    """The middle among them is what `read_image` gives, bit for bit."""
    path = lay_out({"a.png": noise(1, 40, 60, 3)}) / "a.png"
    seen, preprocess = [], replace(size(16, 16, 3), enlarge=1.25)
    monkeypatch.setattr(image, "header", lambda data: (seen.append(1), decode.header(data))[1])
    pieces = read_pieces(path, preprocess, ten(preprocess.middle))
    assert len(seen) == 1
    assert [piece.shape for piece in pieces] == [(3, 16, 16)] * 10
    np.testing.assert_array_equal(pieces[4], read_image(path, preprocess))
    np.testing.assert_array_equal(pieces[9], pieces[4][:, :, ::-1])
    assert len({piece.tobytes() for piece in pieces}) == 10
