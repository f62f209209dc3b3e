"""Every kind of pixel is treated as its row of the table says."""

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from striate.data.decode import header, upright
from striate.data.modes import MODES, treat
from striate.data.problems import Unreadable

GREYS = np.arange(256, dtype=np.uint8).reshape(16, 16)
COLORS = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
ALPHA = np.random.default_rng(1).integers(0, 256, (16, 16), dtype=np.uint8)
DEEP = (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)


def values(image):
    """Treat a picture and give it in [0, 1]."""
    simple, scale, grey = treat(image)
    assert simple.mode in ("L", "RGB", "F")
    return np.asarray(simple).astype(np.float64) / scale, grey


def through(data):
    """Give the values of a file's picture."""
    return values(upright(header(data)))


def over_white(pixels, alpha):
    share = (alpha / 255).reshape(16, 16, *[1] * (pixels.ndim - 2))
    return pixels / 255 * share + (1 - share)


def test_grey(encode):
    """8-bit grey is value / 255, and grey."""
    got, grey = through(encode(GREYS))
    np.testing.assert_array_equal(got, GREYS / 255)
    assert grey


def test_one_bit(encode):
    """1 bit is black 0 and white 1."""
    got, grey = through(encode(Image.fromarray(GREYS > 127)))
    np.testing.assert_array_equal(got, (GREYS > 127).astype(float))
    assert grey


@pytest.mark.parametrize(("kind", "dtype"), [("PNG", "<u2"), ("TIFF", "<u2"), ("TIFF", ">u2")])
def test_sixteen_bits_are_not_clipped(kind, dtype, encode):
    """16-bit grey is value / 65535 over its whole range, in either byte order."""
    got, grey = through(encode(DEEP.astype(dtype), kind))
    np.testing.assert_allclose(got, DEEP / 65535, rtol=0, atol=1e-7)
    assert got.max() == 1
    assert grey


def test_sixteen_bits_with_white_as_zero_are_turned_round(encode):
    """A TIFF that counts from white is not read as its negative."""
    got, _ = through(encode(DEEP, "TIFF", tiffinfo={262: 0}))
    np.testing.assert_allclose(got, 1 - DEEP / 65535, rtol=0, atol=1e-7)


def test_whole_numbers_within_sixteen_bits(encode):
    """32-bit whole numbers are read as 16-bit ones, if they are such."""
    got, grey = through(encode(Image.fromarray(DEEP.astype(np.int32)), "TIFF"))
    np.testing.assert_allclose(got, DEEP / 65535, rtol=0, atol=1e-7)
    assert grey


def test_floats_within_one(encode):
    """Floats in [0, 1] are taken as they are."""
    share = (GREYS / 255).astype(np.float32)
    got, grey = through(encode(share, "TIFF"))
    np.testing.assert_array_equal(got, share)
    assert grey


@pytest.mark.parametrize(
    ("pixels", "why"),
    [
        (np.array([[0, 65536]], dtype=np.int32), "values from 0 to 65536; a picture of mode I has 0 to 65535"),
        (np.array([[-1, 5]], dtype=np.int32), "values from -1 to 5; a picture of mode I has 0 to 65535"),
        (np.array([[0, 255]], dtype=np.float32), "values from 0 to 255; a picture of mode F has 0 to 1"),
        (np.array([[0.5, np.nan]], dtype=np.float32), "values from nan to nan; a picture of mode F has 0 to 1"),
        (np.array([[0.5, np.inf]], dtype=np.float32), "values from 0.5 to inf; a picture of mode F has 0 to 1"),
    ],
)
def test_values_without_a_scale_are_refused(pixels, why, encode):
    """Numbers beyond the range that gives them a meaning are not guessed at."""
    with pytest.raises(Unreadable) as error:
        through(encode(pixels, "TIFF"))
    assert (error.value.kind, error.value.why) == ("unscaled", why)


def test_unknown_mode_is_refused():
    """A mode without a row is refused, not converted somehow."""
    with pytest.raises(Unreadable) as error:
        treat(Image.new("HSV", (2, 2)))
    assert error.value.why == "pixels of Pillow's mode HSV, which has no stated treatment"


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_blended_over_white(kind, encode):
    """Colour and alpha: what shows on white paper."""
    rgba = np.dstack([COLORS, ALPHA])
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    got, grey = through(encode(rgba, kind, **options))
    np.testing.assert_allclose(got, over_white(COLORS, ALPHA), rtol=0, atol=1.01 / 255)
    assert not grey


def test_grey_and_alpha_are_blended_over_white_and_stay_grey(encode):
    """Grey and alpha: likewise, and grey."""
    got, grey = through(encode(Image.fromarray(np.dstack([GREYS, ALPHA]), "LA")))
    np.testing.assert_allclose(got, over_white(GREYS, ALPHA), rtol=0, atol=1.01 / 255)
    assert grey


def test_premultiplied_alpha_is_blended_over_white():
    """Modes whose colours are already multiplied by alpha end the same way."""
    la = Image.fromarray(np.dstack([GREYS, ALPHA]), "LA")
    got, _ = values(la.convert("La"))
    np.testing.assert_allclose(got, over_white(GREYS, ALPHA), rtol=0, atol=3 / 255)


def test_palette(encode):
    """A palette's colours; with transparency blended over white."""
    palette = Image.frombytes("P", (16, 16), (GREYS // 128).tobytes())
    palette.putpalette([10, 20, 30, 200, 100, 50])
    colors = np.array([[10, 20, 30], [200, 100, 50]], dtype=np.uint8)[GREYS // 128]
    got, grey = through(encode(palette))
    np.testing.assert_array_equal(got, colors / 255)
    assert not grey
    half = np.where(GREYS // 128, 128, 255)
    got, _ = through(encode(palette, transparency=b"\xff\x80"))
    np.testing.assert_allclose(got, over_white(colors, half), rtol=0, atol=1.01 / 255)


def test_palette_with_alpha():
    """An alpha channel beside a palette is blended over white too."""
    image = Image.new("P", (16, 16), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    image = image.convert("PA")
    image.putalpha(Image.fromarray(ALPHA))
    got, _ = values(image)
    colors = np.broadcast_to(np.array([200, 100, 50], dtype=np.uint8), (16, 16, 3))
    np.testing.assert_allclose(got, over_white(colors, ALPHA), rtol=0, atol=1.01 / 255)


@pytest.mark.parametrize(
    ("image", "key", "hidden"),
    [
        (Image.fromarray(GREYS), 7, GREYS == 7),
        (Image.fromarray(COLORS), tuple(COLORS[3, 4].tolist()), (COLORS[3, 4] == COLORS).all(axis=2)),
    ],
)
def test_one_transparent_colour_becomes_white(image, key, hidden, encode):
    """PNG may declare one colour transparent."""
    got, _ = through(encode(image, transparency=key))
    expected = np.asarray(image) / 255
    expected[hidden] = 1
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "LAB"])
def test_other_colour_spaces_become_rgb(mode, encode):
    """Pillow converts them: what is saved from a colour comes back as nearly that colour."""
    source = Image.new("RGB", (16, 16), (200, 30, 60))
    if mode == "LAB":
        spaces = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.applyTransform(source, ImageCms.buildTransform(*spaces, "RGB", "LAB"))
    else:
        image = source.convert(mode)
    got, grey = through(encode(image, "TIFF"))
    np.testing.assert_allclose(got, np.asarray(source) / 255, rtol=0, atol=3 / 255)
    assert not grey


def test_cmyk_jpeg_is_not_inverted(encode):
    """Adobe's inverted CMYK in JPEG comes out as the colour that was meant."""
    got, _ = through(encode(Image.new("RGB", (16, 16), (200, 30, 60)).convert("CMYK"), "JPEG", quality=100))
    np.testing.assert_allclose(got[8, 8], np.array([200, 30, 60]) / 255, rtol=0, atol=4 / 255)


def test_sixteen_bit_colour_keeps_its_upper_byte():
    """Pillow reads 8 of the 16 bits of each colour."""
    raw = b"".join(b"\0" + b"\x80\xff\x40\x00\x00\xff" * 2 for _ in range(2))
    buffer = io.BytesIO()
    buffer.write(b"\x89PNG\r\n\x1a\n")
    header_ = (2).to_bytes(4, "big") * 2 + bytes([16, 2, 0, 0, 0])
    for name, data in ((b"IHDR", header_), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")):
        PngImagePlugin.putchunk(buffer, name, data)
    got, _ = through(buffer.getvalue())
    np.testing.assert_array_equal(got * 255, np.broadcast_to([0x80, 0x40, 0x00], (2, 2, 3)))


def test_the_page_has_every_row():
    """docs/data.md states the treatment of every mode of the table."""
    page = (Path(__file__).parents[2] / "docs/data.md").read_text()
    for mode, treatment in MODES.items():
        assert f"| `{mode}` | {'grey' if treatment.grey else 'colour'} | {treatment.words} |" in page
