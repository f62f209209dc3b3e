"""How an image that is being optimised is held: as its pixels, or as waves in colours that are independent.

Neither changes which images there are; it changes which of them a few steps uphill arrive at. Waves of natural strength
and uncorrelated colours keep out the fine patterns that pixels end in.

Source:
    Olah, Mordvintsev and Schubert, "Feature Visualization", Distill 2017, doi 10.23915/distill.00007, section
    "Preconditioning and Parameterization".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["PAINTS", "Canvas", "Paint", "fourier", "pixels"]

# Red, green and blue of the two photographs that scikit-learn carries, where the training pictures' are not known.
_PHOTOGRAPHS: Final = (0.1391, 0.0979, 0.0915, 0.0979, 0.0897, 0.0931, 0.0915, 0.0931, 0.1062)
# The spread of the first image around the middle grey, before it is squeezed into [0, 1].
_FIRST: Final = 0.01


@dataclass(frozen=True)
class Canvas:
    """What an image is for a network.

    Args:
        size: Channels, height and width.
        mean: Of each channel, for values in [0, 1].
        std: Standard deviation, likewise.
        covariance: Of each two channels, row by row; empty where it is not known, and then that of photographs.
    """

    size: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    covariance: tuple[float, ...] = ()

    def normalized(self, images: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
        """Turn images in [0, 1] into the network's input."""
        mean, std = (images.new_tensor(values).view(1, -1, 1, 1) for values in (self.mean, self.std))
        return (images - mean) / std

    @property
    def colours(self) -> Float[Tensor, "C C"]:
        """A square root of the covariance, scaled so that its longest row is 1: it mixes independent colours."""
        channels = self.size[0]
        known = self.covariance or (_PHOTOGRAPHS if channels == 3 else torch.eye(channels).flatten().tolist())
        values, vectors = torch.linalg.eigh(torch.tensor(known, dtype=torch.float32).view(channels, channels))
        root = vectors * values.clamp(min=0).sqrt() @ vectors.T
        return root / root.norm(dim=1).max().clamp(min=1e-12)


@dataclass(frozen=True)
class Paint:
    """Images that are being optimised.

    Args:
        numbers: What is optimised.
        images: Makes `N C H W` in [0, 1] of them, differentiably.
    """

    numbers: Float[Tensor, "..."]
    images: Callable[[], Float[Tensor, "N C H W"]]


def pixels(canvas: Canvas, count: int, draw: torch.Generator) -> Paint:
    """Hold `count` images as their samples, squeezed into [0, 1] by a sigmoid.

    >>> pixels(Canvas((1, 4, 4), (0.5,), (1.0,)), 2, torch.Generator().manual_seed(0)).images().shape
    torch.Size([2, 1, 4, 4])
    """
    numbers = (torch.randn(count, *canvas.size, generator=draw) * _FIRST).requires_grad_()
    return Paint(numbers, numbers.sigmoid)


def fourier(canvas: Canvas, count: int, draw: torch.Generator) -> Paint:
    """Hold `count` images as waves whose strength falls with their frequency, in colours that are independent.

    >>> fourier(Canvas((3, 5, 4), (0.5,) * 3, (1.0,) * 3), 2, torch.Generator().manual_seed(0)).images().shape
    torch.Size([2, 3, 5, 4])
    """
    channels, height, width = canvas.size
    rows, columns = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]
    frequency = (rows.square() + columns.square()).sqrt()
    # The one that never changes sides would be infinitely strong: it counts as the slowest of the others.
    scale = (height * width) ** 0.5 / frequency.clamp(min=1 / max(height, width))
    numbers = (torch.randn(count, channels, *scale.shape, 2, generator=draw) * _FIRST).requires_grad_()
    colours = canvas.colours

    def images() -> Float[Tensor, "N C H W"]:
        waves = torch.fft.irfft2(torch.view_as_complex(numbers) * scale, s=(height, width), norm="backward")
        return torch.einsum("dc,nchw->ndhw", colours, waves).sigmoid()

    return Paint(numbers, images)


PAINTS: Final[dict[str, Callable[[Canvas, int, torch.Generator], Paint]]] = {"fourier": fourier, "pixels": pixels}
