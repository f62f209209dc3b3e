"""Small changes between two steps of an optimisation: what survives them all is no pattern of single samples.

Source:
    Olah, Mordvintsev and Schubert, "Feature Visualization", Distill 2017, doi 10.23915/distill.00007, section
    "Transformation robustness".
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from striate.explain.moves import moved

__all__ = ["Perturbation", "jitter", "rotate", "scale", "usual"]

Perturbation = Callable[[Float[Tensor, "N C H W"], torch.Generator], Float[Tensor, "N C H W"]]


def jitter(samples: int) -> Perturbation:
    """Shift by up to so many samples, each way; what leaves at one side comes in at the other.

    >>> jitter(0)(torch.ones(1, 1, 2, 2), torch.Generator()).shape
    torch.Size([1, 1, 2, 2])
    """

    def shifted(images: Float[Tensor, "N C H W"], draw: torch.Generator) -> Float[Tensor, "N C H W"]:
        down, right = (int(torch.randint(-samples, samples + 1, (1,), generator=draw)) for _ in range(2))
        return images.roll((down, right), (2, 3))

    return shifted


def scale(low: float, high: float) -> Perturbation:
    """Scale about the middle, by a factor between two; the size stays, and beyond the border is 0.

    >>> scale(0.9, 1.1)(torch.ones(1, 1, 2, 2), torch.Generator().manual_seed(0)).shape
    torch.Size([1, 1, 2, 2])
    """
    return lambda images, draw: moved(images, scale=_between(low, high, draw))


def rotate(degrees: float) -> Perturbation:
    """Turn about the middle, by up to so many degrees, each way; beyond the border is 0.

    >>> rotate(5)(torch.ones(1, 1, 2, 2), torch.Generator().manual_seed(0)).shape
    torch.Size([1, 1, 2, 2])
    """
    return lambda images, draw: moved(images, degrees=_between(-degrees, degrees, draw))


def usual(side: int) -> Sequence[Perturbation]:
    """Give those that are used if nothing is said, for images whose shorter side is so many samples long."""
    return (jitter(max(1, side // 28)), scale(0.95, 1.05), rotate(5), jitter(max(1, side // 56)))


def _between(low: float, high: float, draw: torch.Generator) -> float:
    return low + (high - low) * float(torch.rand(1, generator=draw))
