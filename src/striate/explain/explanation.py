"""What every method gives: a picture for each image, what was explained, and how to read it."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

__all__ = ["Explanation", "Reading"]


@dataclass(frozen=True)
class Reading:
    """How a method's pictures are to be shown and read, and how not.

    Args:
        signed: Whether a picture has both signs, with a meaning each; otherwise it is nowhere negative.
        normalised: What the numbers are divided by to be shown, in words.
        legend: What the ends of the scale mean.
        caption: How to read the picture, and how not to.
        assumption: What the method takes for granted.
        sanity: What became of its pictures when the weights were randomised (Adebayo et al. 2018).
    """

    signed: bool
    normalised: str
    legend: str
    caption: str
    assumption: str
    sanity: str


@dataclass(frozen=True)
class Explanation:
    """What a method says of each image.

    Args:
        method: Its name, as in `explain.METHODS`.
        values: On the grid of the images, with their channels or with one.
        target: What was explained, in words: `class 7`; `conv5, map 37 at (4, 6)`; of several images one each.
        score: What the network gives for it, one number an image.
        reading: How to read the values.

    Example:
        >>> import torch
        >>> reading = Reading(True, "its greatest", "red: more", "Look.", "A plane.", "It changes.")
        >>> Explanation("saliency", torch.zeros(2, 1, 8, 8), "class 7", torch.zeros(2), reading)
        Explanation(saliency of class 7, 2 images of 8 x 8)
    """

    method: str
    values: Float[Tensor, "N C *spatial"]
    target: str
    score: Float[Tensor, " N"]
    reading: Reading

    def __repr__(self) -> str:
        examples, _, *size = self.values.shape
        return f"Explanation({self.method} of {self.target}, {examples} images of {' x '.join(map(str, size))})"
