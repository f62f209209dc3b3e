"""Numbers become pictures, the same way everywhere, and each way says in words what its colours mean.

A way of showing is a row of `SHOWN`: what is given to the page is the picture and the row's legend together, so that no
colour is ever without its meaning.
"""

import io
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from jaxtyping import Float, Shaped, UInt8
from PIL import Image
from torch import Tensor

from striate.errors import ShapeError

__all__ = [
    "SHOWN",
    "Way",
    "data_url",
    "enlarged",
    "grey",
    "overlay",
    "photograph",
    "png",
    "sheet",
    "strength",
    "summed",
    "tint",
    "veil",
    "way_of",
]

# Anchors of the colour maps, from low to high; what lies between two is mixed in a straight line.
_DIVERGING: Final = ((23, 78, 140), (120, 168, 214), (255, 255, 255), (236, 144, 122), (176, 40, 24))
_SEQUENTIAL: Final = ((18, 20, 26), (112, 30, 62), (214, 74, 44), (250, 158, 50), (255, 240, 170))
_ROOT: Final = 0.6
# Methods that are shown in a way of their own: some are pictures on the image's channels, as their papers show them.
_OWN: Final = {
    "deconvnet": "grey",
    "guided_backpropagation": "grey",
    "occlusion": "hidden",
    "grad_cam": "areas",
    "grad_cam_plus_plus": "areas",
}


def tint(values: Float[Tensor, "H W"], limit: float | None = None) -> UInt8[np.ndarray, "H W 3"]:
    """Colour a signed map: red above zero, blue below, white at zero, both sides on one scale.

    Args:
        values: The map.
        limit: The value that gets the strongest colour; None for the largest magnitude, so that nothing is cut off.

    Example:
        >>> import torch
        >>> tint(torch.tensor([[-2.0, 0.0, 2.0]]))[0].tolist()
        [[23, 78, 140], [255, 255, 255], [176, 40, 24]]
    """
    array = _array(values)
    return _coloured(0.5 + 0.5 * array / _limit(array, limit), _DIVERGING)


def strength(values: Float[Tensor, "H W"], limit: float | None = None) -> UInt8[np.ndarray, "H W 3"]:
    """Colour a map without sign: dark at zero, the brighter the stronger; what is below zero is dark as well.

    Args:
        values: The map.
        limit: The value that gets the strongest colour; None for the largest.

    Example:
        >>> import torch
        >>> strength(torch.tensor([[0.0, 3.0]]))[0].tolist()
        [[18, 20, 26], [255, 240, 170]]
    """
    array = _array(values)
    return _coloured(array / _limit(np.maximum(array, 0), limit), _SEQUENTIAL)


def grey(values: Float[Tensor, "C H W"], limit: float | None = None) -> UInt8[np.ndarray, "H W C"]:
    """Show values on the input's own channels as the deconvnet's paper does: zero is the middle grey.

    Every picture is scaled by itself, so brightness must not be compared from one picture to the next.

    Args:
        values: One channel (grey) or three (colour).
        limit: The magnitude that becomes black or white; None for the largest of this picture.

    Example:
        >>> import torch
        >>> grey(torch.tensor([[[-4.0, 0.0, 4.0]]])).ravel().tolist()
        [0, 128, 255]
    """
    array = _array(values)
    return _bytes(0.5 + 0.5 * array / _limit(array, limit)).transpose(1, 2, 0)


def photograph(values: Float[Tensor, "C H W"]) -> UInt8[np.ndarray, "H W C"]:
    """Show an image in [0, 1] as it is.

    >>> import torch
    >>> photograph(torch.tensor([[[0.0, 0.5, 1.0]]])).ravel().tolist()
    [0, 128, 255]
    """
    return _bytes(_array(values)).transpose(1, 2, 0)


def veil(colours: UInt8[np.ndarray, "H W 3"], shares: Float[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W 4"]:
    """Make a coloured map that can be laid over an image: where there is little of it, the image is seen.

    Args:
        colours: What `tint` or `strength` gave.
        shares: How much of the strongest there is at each place, from 0 to 1.
    """
    # A root, so that what is weak is seen all the same.
    return np.concatenate([colours, _bytes(shares**_ROOT)[..., None]], axis=-1)


def overlay(
    image: UInt8[np.ndarray, "H W C"], over: UInt8[np.ndarray, "H W 4"], opacity: float = 1.0
) -> UInt8[np.ndarray, "H W 3"]:
    """Lay a map over an image, as the page's slider does in its middle.

    The image loses its own colours, so that a red object is not taken for a red map.

    Args:
        image: One channel or three.
        over: What `veil` gave.
        opacity: Of its strongest colour.

    Example:
        >>> nothing = np.zeros((1, 1, 4), np.uint8)
        >>> overlay(np.full((1, 1, 1), 100, np.uint8), nothing).ravel().tolist()
        [100, 100, 100]
    """
    plain = np.asarray(Image.fromarray(_squeezed(image)).convert("L"), np.float32)[..., None] / 255
    share = over[..., 3:].astype(np.float32) / 255 * opacity
    return _bytes(plain * (1 - share) + over[..., :3].astype(np.float32) / 255 * share)


def enlarged(pixels: UInt8[np.ndarray, "H W C"], side: int) -> Image.Image:
    """Make a picture whose longer side is `side` pixels; few pixels stay squares, many are interpolated.

    >>> enlarged(np.zeros((8, 4, 1), np.uint8), 64).size
    (32, 64)
    """
    image = Image.fromarray(_squeezed(pixels))
    scale = side / max(image.size)
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BILINEAR
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), how)


def sheet(
    pictures: Sequence[UInt8[np.ndarray, "..."]], columns: int = 0, gap: int = 1, between: int = 255
) -> UInt8[np.ndarray, "H W 3"]:
    """Put pictures of one size side by side, row by row.

    Args:
        pictures: Each `H W C`, with one channel or three.
        columns: In a row; 0 for as many as there are rows.
        gap: Pixels between two.
        between: How bright these are, and what is left over, from 0 to 255.

    Raises:
        ShapeError: There is no picture, or they are not of one size.

    Example:
        >>> sheet([np.zeros((2, 3, 1), np.uint8)] * 5).shape
        (5, 11, 3)
    """
    sizes = {picture.shape[:2] for picture in pictures}
    if len(sizes) != 1:
        raise ShapeError("sheet: pictures are not of one size.", "Pass one picture or more, all as large.", sizes=sizes)
    columns = columns or int(np.ceil(len(pictures) ** 0.5))
    height, width = sizes.pop()
    rows = -(-len(pictures) // columns)
    made = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), between, np.uint8)
    for i, picture in enumerate(pictures):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        made[top : top + height, left : left + width] = picture
    return made


def png(pixels: UInt8[np.ndarray, "H W C"] | Image.Image) -> bytes:
    """Write a picture as a PNG file."""
    image, buffer = pixels if isinstance(pixels, Image.Image) else Image.fromarray(_squeezed(pixels)), io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def data_url(pixels: UInt8[np.ndarray, "H W C"] | Image.Image) -> str:
    """Write a picture as an address that holds it, for a page that needs nothing else."""
    return f"data:image/png;base64,{b64encode(png(pixels)).decode()}"


@dataclass(frozen=True)
class Way:
    """A way of showing values on an image's grid.

    Args:
        draw: Makes the picture of `C H W` values.
        legend: What the colours mean, for a person.
        colours: Of the key, from low to high.
        ends: What these are called.
        shares: How much of the strongest there is at each place; None if the picture is not laid over an image.
        ground: The colour of nothing.
        opacity: Of the strongest colour when it is laid over an image: what covers much has to let the image through.
    """

    draw: Callable[[Float[Tensor, "C H W"]], UInt8[np.ndarray, "H W D"]]
    legend: str
    colours: tuple[tuple[int, int, int], ...]
    ends: tuple[str, str]
    shares: Callable[[Float[Tensor, "C H W"]], Float[np.ndarray, "H W"]] | None
    ground: tuple[int, int, int]
    opacity: float = 1.0

    def laid(self, values: Float[Tensor, "C H W"]) -> UInt8[np.ndarray, "H W 4"] | None:
        """Make the picture so that it can be laid over the image; None if it is one of its own."""
        return veil(self.draw(values), self.shares(values)) if self.shares else None

    @property
    def key(self) -> str:
        """The colours from low to high, as a style sheet writes a gradient."""
        return f"linear-gradient(to right, {', '.join(f'rgb{colour}' for colour in self.colours)})"


def way_of(method: str, *, signed: bool) -> Way:
    """Choose how what a method found is shown.

    >>> way_of("saliency", signed=False).ends
    ('nothing', 'most')
    """
    return SHOWN[_OWN.get(method, "signed" if signed else "strength")]


def summed(values: Float[Tensor, "C H W"]) -> Float[Tensor, "H W"]:
    """Add the channels up, so that a map has one value at each place."""
    return values.sum(0)


def _magnitude(values: Float[Tensor, "C H W"]) -> Float[np.ndarray, "H W"]:
    array = _array(summed(values))
    return np.abs(array) / _limit(array, None)


def _above(values: Float[Tensor, "C H W"]) -> Float[np.ndarray, "H W"]:
    array = np.maximum(_array(summed(values)), 0)
    return array / _limit(array, None)


_SIGNED: Final = Way(
    lambda values: tint(summed(values)),
    "Red raises what is explained, blue lowers it, white does neither; the strongest colour is the largest "
    "magnitude in this picture. Channels are added up.",
    _DIVERGING,
    ("lowers", "raises"),
    _magnitude,
    (255, 255, 255),
)
_STRENGTH: Final = Way(
    lambda values: strength(summed(values)),
    "Dark is nothing, the brighter the stronger; the brightest is the largest value in this picture. "
    "Channels are added up.",
    _SEQUENTIAL,
    ("nothing", "most"),
    _above,
    _SEQUENTIAL[0],
)
SHOWN: Final[dict[str, Way]] = {
    "signed": _SIGNED,
    "hidden": replace(
        _SIGNED,
        legend="Red: hiding this place lowers what is explained; blue: hiding it raises it; white: neither; the "
        "strongest colour is the largest magnitude in this picture.",
        ends=("hiding it raises", "hiding it lowers"),
    ),
    "strength": _STRENGTH,
    "areas": replace(_STRENGTH, opacity=0.65),
    "grey": Way(
        grey,
        "Middle grey is zero, brighter is above it and darker below, in each colour by itself; every picture is scaled "
        "to its own largest magnitude.",
        ((0, 0, 0), (128, 128, 128), (255, 255, 255)),
        ("below", "above"),
        None,
        (128, 128, 128),
    ),
}


def _array(values: Float[Tensor, "..."]) -> Float[np.ndarray, "..."]:
    return values.detach().cpu().float().numpy()


def _limit(array: Float[np.ndarray, "..."], limit: float | None) -> float:
    found = float(np.abs(array).max(initial=0)) if limit is None else limit
    return found if found > 0 else 1.0  # where nothing is, nothing is divided by


def _coloured(shares: Float[np.ndarray, "H W"], anchors: Sequence[tuple[int, int, int]]) -> UInt8[np.ndarray, "H W 3"]:
    places = np.linspace(0, 1, len(anchors))
    channels = [np.interp(shares, places, [colour[i] for colour in anchors]) for i in range(3)]
    return np.round(np.stack(channels, axis=-1)).astype(np.uint8)


def _bytes(shares: Float[np.ndarray, "..."]) -> UInt8[np.ndarray, "..."]:
    # Half of 255 is rounded up, so that zero is the one middle grey.
    return (np.clip(shares, 0, 1) * 255 + 0.5).astype(np.uint8)


def _squeezed(pixels: Shaped[np.ndarray, "H W C"]) -> Shaped[np.ndarray, "..."]:
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels
