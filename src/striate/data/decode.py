"""From a file to an upright Pillow image, or a reason why not; nothing is decoded before its size is known.

The decoders are called by their own names, not through `Image.open`: so no other of Pillow's forty can run, and
Pillow's global settings and warnings about large images play no part. Files are data, never code.
"""

import io
import os
import re
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from PIL import BmpImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin
from PIL.ExifTags import Base as Tag
from PIL.Image import Image, Transpose
from PIL.ImageFile import ImageFile

from striate.data.problems import Unreadable

__all__ = ["BYTE_LIMIT", "FORMATS", "PIXEL_LIMIT", "SIDE_LIMIT", "explained", "header", "read_bytes", "upright"]

BYTE_LIMIT: Final = 256 * 2**20
PIXEL_LIMIT: Final = 64_000_000
# Scaling needs 16 bytes for every pixel of a side: one of a million would cost more than the picture.
SIDE_LIMIT: Final = 65_535


@dataclass(frozen=True)
class Format:
    """One kind of file that is read.

    Args:
        name: As people call it.
        begins: How every such file begins.
        decoder: Reads the header; its `load` reads the pixels.
        pixel_limit: Most pixels, such that decoding and converting stay under 700 MB.
    """

    name: str
    begins: re.Pattern[bytes]
    decoder: Callable[[io.BytesIO], ImageFile]
    pixel_limit: int = PIXEL_LIMIT


FORMATS: Final = (
    Format("JPEG", re.compile(rb"\xff\xd8\xff"), JpegImagePlugin.JpegImageFile),
    Format("PNG", re.compile(rb"\x89PNG\r\n\x1a\n"), PngImagePlugin.PngImageFile),
    # Measured: libwebp holds four copies of the picture, 16 bytes a pixel, where the others hold one or two.
    Format("WebP", re.compile(rb"RIFF.{4}WEBP", re.DOTALL), WebPImagePlugin.WebPImageFile, PIXEL_LIMIT // 2),
    Format("BMP", re.compile(rb"BM"), BmpImagePlugin.BmpImageFile),
    Format("TIFF", re.compile(rb"II[*+]\0|MM\0[*+]"), TiffImagePlugin.TiffImageFile),
)

# What Pillow says when it refuses; everything else means that the file is corrupt.
_COMPLAINTS: Final = {
    "too large": re.compile("DecompressionBomb"),
    "truncated": re.compile("truncat|end of file", re.IGNORECASE),
}

# EXIF's orientation: which turn or mirror image brings the picture upright.
_TURNS: Final = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}


def read_bytes(path: str) -> bytes:
    """Read a whole file, once its size is known to be allowed.

    Raises:
        Unreadable: It does not exist, is no regular file, is empty, or is larger than 256 MiB.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("not a file", "a folder, pipe, socket or device")
        if status.st_size > BYTE_LIMIT:
            raise Unreadable("too large", f"{status.st_size} bytes; the most is {BYTE_LIMIT}")
        with open(path, "rb") as file:
            data = file.read(BYTE_LIMIT + 1)
    except FileNotFoundError:
        raise Unreadable("missing", "there is no such file") from None
    except OSError as error:
        raise Unreadable("unreadable", error.strerror or str(error)) from None
    if not data:
        raise Unreadable("empty", "0 bytes")
    return data


def header(data: bytes) -> ImageFile:
    """Read what a file says about its picture, and no pixel of it.

    Raises:
        Unreadable: It is no image of a kind that is read, is damaged, or has too many pixels.
    """
    found = next((f for f in FORMATS if f.begins.match(data)), None)
    if found is None:
        known = ", ".join(f.name for f in FORMATS)
        raise Unreadable("not an image", f"begins with {data[:8]!r}, which is none of {known}")
    if found.name == "WebP" and len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise Unreadable("truncated", f"{len(data)} bytes of {8 + int.from_bytes(data[4:8], 'little')}")
    with explained():
        image = found.decoder(io.BytesIO(data))
        for width, height in (image.size, _tile(image)):
            _limit(width, height, found)
    return image


def upright(image: ImageFile) -> Image:
    """Decode the first frame and turn it the way that its EXIF data says.

    Raises:
        Unreadable: The file is truncated or corrupt.
    """
    with explained():
        image.load()
        turn = _TURNS.get(_orientation(image))
        return image if turn is None else image.transpose(turn)


@contextmanager
def explained() -> Generator[None]:
    """Turn whatever a decoder raises into `Unreadable`.

    Hostile files make decoders raise nearly everything, warnings too where a caller has made them errors; all of it
    means the same: this file cannot be used.
    """
    try:
        yield
    except Unreadable:
        raise
    except Exception as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        kind = next((kind for kind, words in _COMPLAINTS.items() if words.search(why)), "corrupt")
        raise Unreadable(kind, why) from error


def _tile(image: ImageFile) -> tuple[int, int]:
    """Give the size of a TIFF's tiles, which may be larger than the picture that they make up."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return 1, 1
    return int(image.tag_v2.get(TiffImagePlugin.TILEWIDTH, 1)), int(image.tag_v2.get(TiffImagePlugin.TILELENGTH, 1))


def _limit(width: int, height: int, of: Format) -> None:
    if width * height > of.pixel_limit:
        raise Unreadable("too large", f"{width} x {height} pixels; the most for {of.name} is {of.pixel_limit}")
    if max(width, height) > SIDE_LIMIT:
        raise Unreadable("too large", f"{width} x {height} pixels; the longest side is {SIDE_LIMIT}")


def _orientation(image: ImageFile) -> int:
    try:
        return int(image.getexif().get(Tag.Orientation, 1))
    except Exception:  # A damaged EXIF block can raise nearly anything; it does not say which way is up.
        return 1
