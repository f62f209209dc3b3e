"""What turns a file into a model's input: stored with a run, used alike in training, evaluation and prediction."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from numbers import Integral
from typing import Any, Final

from striate.data.piece import MOST_TIMES, Piece, Resize
from striate.errors import OptionError

__all__ = ["MOST_PIXELS", "Preprocess", "Resize"]

# Longest side of a model's input, so that one sample stays under 200 MB.
MOST_PIXELS: Final = 4096


@dataclass(frozen=True)
class Preprocess:
    """The size, the channels and the scale of a model's input.

    Args:
        image_size: Height and width in pixels.
        channels: 1 for grey, 3 for red, green and blue.
        mean: Of each channel over the training part, pixel values in [0, 1].
        std: Standard deviation of each channel, likewise.
        resize: `crop` takes the largest centred rectangle of `image_size`'s shape and scales it, so that nothing is
            distorted; `shorter` scales the shorter side and keeps the rest, so that pieces may come from all of the
            picture; `stretch` scales each side by itself, so that nothing is cut off.
        enlarge: The picture is scaled to so many times `image_size`, and its middle taken: 256 / 224 in many papers.
        covariance: Of each two channels over the training part, row by row; empty where it is not known.

    Raises:
        OptionError: The sizes do not belong together.

    Example:
        >>> Preprocess((32, 32), 1, (0.3,), (0.4,)).resize
        'crop'
    """

    image_size: tuple[int, int]
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: Resize = "crop"
    enlarge: float = 1.0
    covariance: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        received = {"image_size": self.image_size, "channels": self.channels, "mean": self.mean, "std": self.std}
        whole = all(isinstance(side, Integral) and 1 <= side <= MOST_PIXELS for side in self.image_size)
        if not (whole and len(self.image_size) == 2):
            raise OptionError(
                "preprocess: image_size is not a height and a width.", f"Pass two of 1 to {MOST_PIXELS}.", **received
            )
        if self.channels not in (1, 3):
            raise OptionError("preprocess: an image has 1 channel or 3.", "Pass channels=1 or channels=3.", **received)
        if not (len(self.mean) == len(self.std) == self.channels and all(map(isfinite, (*self.mean, *self.std)))):
            raise OptionError(
                "preprocess: mean and std need one finite number per channel.",
                f"Pass {self.channels} of each.",
                **received,
            )
        if not all(value > 0 for value in self.std):
            raise OptionError("preprocess: std divides, so it is above 0.", "Pass 1 where nothing varies.", **received)
        if not 1 <= self.enlarge <= MOST_TIMES:
            raise OptionError(
                "preprocess: enlarge is out of range.", f"Pass 1 to {MOST_TIMES:g}.", **received, enlarge=self.enlarge
            )
        if len(self.covariance) not in (0, self.channels**2):
            raise OptionError(
                "preprocess: covariance needs one number for each two channels.",
                f"Pass {self.channels**2}, or none.",
                **received,
                covariance=self.covariance,
            )

    @property
    def middle(self) -> Piece:
        """The piece of a picture that the network is trained, judged and used on, unless another is asked for."""
        return Piece(self.image_size, self.resize, self.enlarge)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Preprocess":
        """Build what `dataclasses.asdict` made plain values of; JSON knows no tuples.

        Raises:
            OptionError: The sizes do not belong together.
            TypeError: A value is missing, is one too many, or is of another kind.
        """
        values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in document.items()}
        return cls(**values)
