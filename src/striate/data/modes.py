"""How each kind of pixel is treated: one table, from Pillow's modes to grey or red, green and blue in [0, 1].

To add a mode: one line in the table, and one in docs/data.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, TiffImagePlugin

from striate.data.problems import Unreadable

__all__ = ["MODES", "Treatment", "treat"]


@dataclass(frozen=True)
class Treatment:
    """What is done with one of Pillow's modes.

    Args:
        grey: Whether it counts as a grey picture.
        convert: Gives a picture of mode L, RGB or F.
        scale: The value that becomes 1.
        words: The treatment, in words.
    """

    grey: bool
    convert: Callable[[Image.Image], Image.Image]
    scale: float
    words: str


def treat(image: Image.Image) -> tuple[Image.Image, float, bool]:
    """Bring a picture into mode L, RGB or F.

    Returns:
        The picture, the value that stands for 1 in it, and whether the file's picture is grey.

    Raises:
        Unreadable: Its values have no scale, or its mode is unknown.
    """
    if image.mode not in MODES:
        raise Unreadable("unscaled", f"pixels of Pillow's mode {image.mode}, which has no stated treatment")
    treatment = MODES[image.mode]
    return treatment.convert(image), treatment.scale, treatment.grey


def _plain(image: Image.Image) -> Image.Image:
    """Grey or colour of 8 bits or 1; one colour of it may be declared transparent."""
    grey = image.mode in ("1", "L")
    if "transparency" in image.info:
        return _over_white(image.convert("LA" if grey else "RGBA"))
    return image.convert("L") if image.mode == "1" else image


def _palette(image: Image.Image) -> Image.Image:
    return _over_white(image.convert("RGBA")) if "transparency" in image.info else image.convert("RGB")


def _over_white(image: Image.Image) -> Image.Image:
    """Blend by alpha over white: transparent pixels often hold arbitrary colours."""
    if image.mode in ("La", "PA"):
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    mode = "L" if image.mode == "LA" else "RGB"
    white = Image.new(mode, image.size, "white")
    white.paste(image.getchannel("L") if mode == "L" else image, mask=image.getchannel("A"))
    return white


def _to_rgb(image: Image.Image) -> Image.Image:
    return image.convert("RGB")


def _sixteen(image: Image.Image) -> Image.Image:
    return _white_is_one(image, image.convert("F"), 65535.0)


def _whole(image: Image.Image) -> Image.Image:
    _require(image, 65535)
    return _white_is_one(image, image.convert("F"), 65535.0)


def _real(image: Image.Image) -> Image.Image:
    _require(image, 1)
    return _white_is_one(image, image, 1.0)


def _require(image: Image.Image, most: int) -> None:
    values = np.asarray(image)
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= most):  # so written, NaN fails as well
        raise Unreadable("unscaled", f"values from {low:g} to {high:g}; a picture of mode {image.mode} has 0 to {most}")


def _white_is_one(source: Image.Image, image: Image.Image, white: float) -> Image.Image:
    """Turn round a TIFF in which 0 is white; Pillow does so only up to 8 bits."""
    if not isinstance(source, TiffImagePlugin.TiffImageFile):
        return image
    if source.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) != 0:
        return image
    return Image.fromarray(np.float32(white) - np.asarray(image))


_GREY16: Final = "value / 65535, nothing clipped; scaled in 32-bit float"
_ALPHA: Final = "blended by alpha over white"

MODES: Final[dict[str, Treatment]] = {
    "1": Treatment(True, _plain, 255.0, "black 0, white 1"),
    "L": Treatment(True, _plain, 255.0, "value / 255"),
    "LA": Treatment(True, _over_white, 255.0, _ALPHA),
    "La": Treatment(True, _over_white, 255.0, _ALPHA),
    "I;16": Treatment(True, _sixteen, 65535.0, _GREY16),
    "I;16L": Treatment(True, _sixteen, 65535.0, _GREY16),
    "I;16B": Treatment(True, _sixteen, 65535.0, _GREY16),
    "I": Treatment(True, _whole, 65535.0, "value / 65535 if all values are within 0 and 65535, else refused"),
    "F": Treatment(True, _real, 1.0, "as it is if all values are within 0 and 1, else refused"),
    "RGB": Treatment(False, _plain, 255.0, "value / 255"),
    "RGBA": Treatment(False, _over_white, 255.0, _ALPHA),
    "P": Treatment(False, _palette, 255.0, "the palette's colours, blended by their alpha over white"),
    "PA": Treatment(False, _over_white, 255.0, _ALPHA),
    "CMYK": Treatment(False, _to_rgb, 255.0, "to RGB by Pillow"),
    "YCbCr": Treatment(False, _to_rgb, 255.0, "to RGB by Pillow"),
    "LAB": Treatment(False, _to_rgb, 255.0, "to RGB by Pillow"),
}
