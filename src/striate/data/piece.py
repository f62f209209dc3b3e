"""Which piece of a picture a network sees: its middle, a corner, a random one, or all of it.

A piece is described for any picture, and becomes a box in the original only when the picture's size is known: so a
piece is scaled once, straight from the original's pixels, whatever the size that the paper scales to in between.
"""

from dataclasses import dataclass, replace
from math import floor
from typing import Final, Literal

import numpy as np
from jaxtyping import Int, Int32

from striate.data.keyed import CROP, uniform

__all__ = ["MOST_TIMES", "Piece", "Resize", "cut", "random_pieces", "ten"]

Resize = Literal["crop", "shorter", "stretch"]
Box = tuple[float, float, float, float]

# Most times that a picture may be larger than the piece. The papers' largest is 640 / 224, that is 2.9.
MOST_TIMES: Final = 16.0
# What is lost where a size is divided and multiplied again; a pixel is not.
_ROUNDING: Final = 1e-6


@dataclass(frozen=True)
class Piece:
    """A piece of a picture, at the size that a network takes.

    Args:
        image_size: Height and width of the piece, in pixels.
        resize: Of what it is a piece, and how that is scaled: as in `Preprocess`.
        enlarge: The picture is first scaled to so many times the piece; with 1 the piece is all of it.
        down: Where the piece lies, from 0, at the top, to 1, at the bottom.
        across: Likewise from left to right.
        mirrored: Whether left and right change places.
        whole: All of the picture at its enlarged size, instead of a piece of it.
    """

    image_size: tuple[int, int]
    resize: Resize = "crop"
    enlarge: float = 1.0
    down: float = 0.5
    across: float = 0.5
    mirrored: bool = False
    whole: bool = False


def cut(piece: Piece, height: int, width: int) -> tuple[Box, tuple[int, int]]:
    """Give the box of the original that a piece is, and the rows and columns that it is scaled to.

    Args:
        piece: Which one.
        height: Of the original, in pixels.
        width: Of the original.

    Returns:
        Left, top, right and bottom in the original's pixels; and height and width of the piece.

    Example:
        >>> cut(Piece((2, 2), enlarge=2.0, down=0, across=1), 8, 12)
        ((6.0, 0.0, 10.0, 4.0), (2, 2))
    """
    (top, row, rows), (left, column, columns) = _axes(piece, height, width)
    wanted = piece.image_size
    if piece.whole:
        wanted = max(1, floor(rows + _ROUNDING)), max(1, floor(columns + _ROUNDING))
        row, column = rows * row / wanted[0], columns * column / wanted[1]
    else:
        top += piece.down * (rows - wanted[0]) * row
        left += piece.across * (columns - wanted[1]) * column
    # Rounding must not carry the box out of the picture.
    bottom, right = min(top + wanted[0] * row, float(height)), min(left + wanted[1] * column, float(width))
    return (max(left, 0.0), max(top, 0.0), right, bottom), wanted


def _axes(piece: Piece, height: int, width: int) -> list[tuple[float, float, float]]:
    """Say for each axis where the frame begins, how long a pixel of the piece is, and how many of them it has.

    The first two are in the original's pixels. The frame is what pieces are cut from: the picture, or its middle.
    """
    each = (height / piece.image_size[0], width / piece.image_size[1])
    steps = each if piece.resize == "stretch" else (min(each), min(each))
    axes: list[tuple[float, float, float]] = []
    for length, wanted, step in zip((height, width), piece.image_size, steps, strict=True):
        frame = step * wanted if piece.resize == "crop" else float(length)
        axes.append(((length - frame) / 2, step / piece.enlarge, frame / step * piece.enlarge))
    return axes


def ten(middle: Piece) -> tuple[Piece, ...]:
    """List the four corners and the middle, and their mirror images.

    Source:
        Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", NIPS 2012, section 4.1.

    Example:
        >>> [(p.down, p.across) for p in ten(Piece((224, 224), enlarge=256 / 224))][:5]
        [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.5)]
    """
    places = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.5))
    return tuple(
        replace(middle, down=down, across=across, mirrored=mirrored)
        for mirrored in (False, True)
        for down, across in places
    )


def random_pieces(
    middle: Piece,
    times: tuple[float, float],
    sizes: Int32[np.ndarray, "N 2"],
    *,
    seed: int,
    epoch: int,
    indices: Int[np.ndarray, " n"],
) -> list[Piece]:
    """Draw a piece for each picture, as its seed, epoch and index say.

    The shorter side that a picture is scaled to is drawn among the whole numbers of pixels that `times` allows, and
    then the piece's corner among the pixels of the scaled picture.

    Args:
        middle: The piece's size, and how pictures are scaled.
        times: Least and most that a picture is scaled to, in times the piece.
        sizes: Height and width of each original, in pixels.
        seed: The run's.
        epoch: Passes over the data before this one.
        indices: The samples.

    Source:
        He et al., "Deep residual learning for image recognition", CVPR 2016, section 3.4, after Simonyan and
        Zisserman, ICLR 2015, section 3.1; with one size alone, Krizhevsky et al., NIPS 2012, section 4.1.
    """
    shorter = min(middle.image_size)
    least, most = (round(t * shorter) for t in times)
    numbers = uniform(seed, epoch, indices, 3, stream=CROP)
    found: list[Piece] = []
    for (height, width), (size, *place) in zip(sizes.tolist(), numbers, strict=True):
        piece = replace(middle, enlarge=(least + floor(size * (most - least + 1))) / shorter)
        down, across = _on_a_pixel(piece, height, width, place)
        found.append(replace(piece, down=down, across=across))
    return found


def _on_a_pixel(piece: Piece, height: int, width: int, numbers: list[float]) -> list[float]:
    places: list[float] = []
    for (_, _, count), wanted, number in zip(_axes(piece, height, width), piece.image_size, numbers, strict=True):
        free = floor(count - wanted + _ROUNDING)
        places.append(floor(number * (free + 1)) / free if free else 0.5)
    return places
