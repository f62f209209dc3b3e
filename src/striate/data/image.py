"""Pictures as arrays: from a file to what a model takes, the same way for training and for prediction."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from os import PathLike, fsdecode
from typing import Final

import numpy as np
from jaxtyping import Float32, Shaped
from PIL import Image

from striate.data.decode import explained, header, read_bytes, upright
from striate.data.modes import treat
from striate.data.piece import Piece, cut
from striate.data.preprocess import Preprocess
from striate.data.problems import Unreadable, shown
from striate.errors import DataError

__all__ = ["Picture", "fit", "pictures", "read_image", "read_pieces", "scaled", "unit"]

# Pixels above which a scan decodes one picture at a time, so that its memory does not grow with its threads.
_LARGE: Final = 8_000_000


@dataclass(frozen=True)
class Picture:
    """A picture at a model's size, in as many channels as the file has.

    Args:
        pixels: `C H W`; 8-bit values, or 32-bit floats in [0, 1].
        size: Height and width of the original, in pixels, upright.
        grey: Whether the original has no colours.
    """

    pixels: Shaped[np.ndarray, "C H W"]
    size: tuple[int, int]
    grey: bool


def read_image(path: str | PathLike[str], preprocess: Preprocess) -> Float32[np.ndarray, "C H W"]:
    """Read an image file as a model's input, in [0, 1], not yet normalised.

    Of several frames the first is taken. EXIF's orientation is honoured. Grey becomes three equal channels, and colour
    becomes grey by ITU-R 601 luma, where `preprocess` has other channels than the file; docs/data.md lists the rest.

    Raises:
        DataError: The file cannot be used; the message names it and says why.
    """
    return read_pieces(path, preprocess, (preprocess.middle,))[0]


def read_pieces(
    path: str | PathLike[str], preprocess: Preprocess, pieces: Sequence[Piece]
) -> list[Float32[np.ndarray, "C H W"]]:
    """Read pieces of an image file, which is decoded once, as `read_image` does the middle one.

    Raises:
        DataError: The file cannot be used; the message names it and says why.
    """
    name = fsdecode(path)
    try:
        found = pictures(read_bytes(name), pieces, channels=preprocess.channels)
    except Unreadable as bad:
        raise DataError(
            f"read_image: {shown(name)} cannot be used.",
            "Replace the file or leave it out.",
            kind=bad.kind,
            found=bad.why,
        ) from bad
    return [unit(one.pixels, preprocess.channels) for one in found]


def pictures(
    data: bytes,
    pieces: Sequence[Piece],
    *,
    channels: int | None = None,
    one_at_a_time: AbstractContextManager[object] | None = None,
) -> list[Picture]:
    """Decode a file's bytes, and give pieces of the picture at a model's size.

    Args:
        data: The whole file.
        pieces: Which.
        channels: 1 turns colour into grey; otherwise the file's own channels are kept.
        one_at_a_time: Held while a large picture is in memory.

    Raises:
        Unreadable: The bytes are no image that can be used.
    """
    image = header(data)
    large = image.width * image.height > _LARGE
    with explained(), one_at_a_time if one_at_a_time and large else nullcontext():
        original = upright(image)
        size = original.height, original.width
        simple, scale, grey = treat(original)
        del image, original  # a picture in memory once, not twice, while it is scaled
        if channels == 1 and simple.mode == "RGB":
            simple = simple.convert("L")
        return [Picture(scaled(simple, piece, scale), size, grey) for piece in pieces]


def scaled(image: Image.Image, piece: Piece, scale: float = 1.0) -> Shaped[np.ndarray, "C H W"]:
    """Give a piece of a picture as an array; values that are no 8-bit ones are divided by `scale`, to lie in [0, 1]."""
    small = np.asarray(fit(image, piece))
    if small.dtype != np.uint8:
        # Scaling rounds, so a white area may come out one bit above 1.
        small = np.clip(small / np.float32(scale), 0, 1)
    return np.ascontiguousarray(small[None] if small.ndim == 2 else small.transpose(2, 0, 1))


def fit(image: Image.Image, piece: Piece) -> Image.Image:
    """Scale a piece of a picture, bilinear, with as wide a filter as the reduction needs (no aliasing).

    Example:
        >>> fit(Image.new("L", (64, 48)), Piece((32, 16))).size
        (16, 32)
    """
    box, (height, width) = cut(piece, image.height, image.width)
    found = image.resize((width, height), Image.Resampling.BILINEAR, box=box)
    return found.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if piece.mirrored else found


def unit(pixels: Shaped[np.ndarray, "C H W"], channels: int) -> Float32[np.ndarray, "K H W"]:
    """Give a new array of 32-bit floats in [0, 1]; one channel is repeated where three are wanted."""
    values = pixels / np.float32(255) if pixels.dtype == np.uint8 else pixels.astype(np.float32)
    return values if len(values) == channels else np.repeat(values, channels, axis=0)
