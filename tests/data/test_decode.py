"""A file becomes an upright picture, or a reason: whatever is in it, and before its pixels are unpacked."""

import os
import warnings

import numpy as np
import pytest
from PIL import Image, ImageFile

from striate.data.decode import BYTE_LIMIT, FORMATS, explained, header, read_bytes, upright
from striate.data.problems import Unreadable

KINDS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
kinds = pytest.mark.parametrize("kind", KINDS)


def refusal(function, *arguments):
    with pytest.raises(Unreadable) as error:
        function(*arguments)
    return error.value.kind, error.value.why


@kinds
def test_reads_every_format(kind, encode, noise):
    """The size and, where nothing is lost, the pixels are those that were saved."""
    pixels = noise(1, 9, 7, 3)
    image = upright(header(encode(pixels, kind, **({"lossless": True} if kind == "WEBP" else {}))))
    assert image.size == (7, 9)
    if kind != "JPEG":
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_every_format_has_a_test():
    """A row added to the table is tested here."""
    assert sorted(f.name.upper() for f in FORMATS) == sorted(KINDS)


# EXIF's orientation, and what numpy has to do to the stored pixels to bring them upright (EXIF 2.32, tag 0x0112).
TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("TIFF", {"compression": "tiff_deflate"})],
)
def test_turns_as_exif_says(kind, options, orientation, encode, noise):
    """Each of EXIF's eight orientations is undone, once."""
    pixels = noise(orientation, 6, 11, 3)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = upright(header(encode(pixels, kind, exif=exif, **options)))
    np.testing.assert_array_equal(np.asarray(image), TURNS[orientation](pixels))


@pytest.mark.parametrize("orientation", TURNS)
def test_turns_jpeg_as_exif_says(orientation, encode, noise):
    """JPEG too: the turned file shows what the unturned file shows, turned."""
    pixels, exif = noise(orientation, 16, 24), Image.Exif()
    exif[0x0112] = orientation
    plain, turned = (np.asarray(upright(header(encode(pixels, "JPEG", **o)))) for o in ({}, {"exif": exif}))
    np.testing.assert_array_equal(turned, TURNS[orientation](plain))


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\x7f", b""])
def test_damaged_exif_is_no_exif(exif, encode, noise):
    """A picture whose EXIF block is broken is read as it lies."""
    pixels = noise(1, 6, 8)
    np.testing.assert_array_equal(np.asarray(upright(header(encode(pixels, exif=exif)))), pixels)


def test_first_frame_is_the_picture(encode, noise):
    """Of several pages or frames the first is taken."""
    frames = [Image.fromarray(noise(i, 6, 8, 3)) for i in range(3)]
    for kind in ("TIFF", "PNG", "WEBP"):
        data = encode(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
        np.testing.assert_array_equal(np.asarray(upright(header(data)).convert("RGB")), np.asarray(frames[0]))


@kinds
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_truncated_is_refused(kind, share, encode, noise):
    """A file cut off in its pixels is an error, never a picture with a grey rest."""
    data = encode(noise(1, 64, 64, 3), kind, **({"lossless": True} if kind == "WEBP" else {}))
    found, _ = refusal(lambda: upright(header(data[: int(len(data) * share)])))
    assert found in ("truncated", "corrupt")


def test_truncated_png_and_jpeg_say_so(encode, noise):
    """The commonest damage has its own name."""
    for kind in ("PNG", "JPEG", "WEBP"):
        data = encode(noise(1, 64, 64, 3), kind)
        assert refusal(lambda data=data: upright(header(data[: len(data) // 2])))[0] == "truncated"


def test_corrupt_png_is_refused(encode, noise):
    """PNG has checksums: a changed byte is found."""
    data = bytearray(encode(noise(1, 64, 64)))
    data[len(data) // 2] ^= 0xFF
    assert refusal(lambda: upright(header(bytes(data))))[0] == "corrupt"


@pytest.mark.parametrize("data", [b"GIF89a" + bytes(20), b"%PDF-1.7", b"\x80\x04\x95", b"hello", b"\x93NUMPY"])
def test_other_files_are_no_images(data):
    """Only the five formats are tried, whatever else Pillow could open."""
    assert refusal(header, data) == (
        "not an image",
        f"begins with {data[:8]!r}, which is none of JPEG, PNG, WebP, BMP, TIFF",
    )


@pytest.mark.parametrize(
    "begin", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\4\0\0\0WEBP", b"BM", b"II*\0", b"MM\0*"]
)
@pytest.mark.parametrize("rest", [b"", bytes(64), b"\xff" * 64, bytes(range(64))])
def test_garbage_behind_a_good_beginning_is_refused(begin, rest):
    """Whatever the decoder raises, it comes out as one kind of error."""
    assert refusal(lambda: upright(header(begin + rest)))[0] in ("truncated", "corrupt", "too large")


def test_limits_are_checked_before_pixels(encode):
    """A picture of too many pixels, or too long a side, is refused by its header."""
    wide = Image.new("1", (65_536, 1))
    assert refusal(header, encode(wide)) == ("too large", "65536 x 1 pixels; the longest side is 65535")
    many = Image.new("1", (8001, 8000))
    assert refusal(header, encode(many)) == ("too large", "8001 x 8000 pixels; the most for PNG is 64000000")
    webp = Image.new("RGB", (8000, 4001))
    assert refusal(header, encode(webp, "WEBP", method=0)) == (
        "too large",
        "8000 x 4001 pixels; the most for WebP is 32000000",
    )


def test_a_tile_larger_than_the_picture_is_measured_too(tiff):
    """A TIFF's tiles count against the limit."""
    data = tiff({256: 16, 257: 16, 258: 8, 259: 1, 262: 1, 322: 60_000, 323: 60_000, 324: 8, 325: 256})
    assert refusal(header, data) == ("too large", "60000 x 60000 pixels; the most for TIFF is 64000000")


def test_reads_regular_files_only(tmp_path, encode):
    """What is missing, empty, a folder, a pipe, a circle of links or over 256 MiB is refused before it is read."""
    assert refusal(read_bytes, str(tmp_path / "none.png")) == ("missing", "there is no such file")
    assert refusal(read_bytes, str(tmp_path)) == ("not a file", "a folder, pipe, socket or device")
    os.mkfifo(tmp_path / "pipe.png")
    assert refusal(read_bytes, str(tmp_path / "pipe.png")) == ("not a file", "a folder, pipe, socket or device")
    (tmp_path / "empty.png").touch()
    assert refusal(read_bytes, str(tmp_path / "empty.png")) == ("empty", "0 bytes")
    (tmp_path / "a.png").symlink_to(tmp_path / "a.png")
    assert refusal(read_bytes, str(tmp_path / "a.png")) == ("unreadable", "Too many levels of symbolic links")
    with open(tmp_path / "big.png", "wb") as file:
        file.truncate(BYTE_LIMIT + 1)
    assert refusal(read_bytes, str(tmp_path / "big.png")) == ("too large", "268435457 bytes; the most is 268435456")


def test_whatever_is_raised_is_explained():
    """Errors and warnings alike become one reason on one line; our own pass through."""

    def fail(error):
        with explained():
            raise error

    assert refusal(fail, ValueError("a\nb")) == ("corrupt", "ValueError: a b")
    assert refusal(fail, UserWarning("Truncated File Read")) == ("truncated", "UserWarning: Truncated File Read")
    assert refusal(fail, Image.DecompressionBombError("x"))[0] == "too large"
    assert refusal(fail, Unreadable("empty", "0 bytes")) == ("empty", "0 bytes")
    with pytest.raises(KeyboardInterrupt):
        fail(KeyboardInterrupt())


def test_no_global_setting_is_touched(encode, noise):
    """Pillow's settings and the warning filters are the caller's."""
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)
    upright(header(encode(noise(1, 8, 8))))
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))
