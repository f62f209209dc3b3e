"""Augmentation: each image changed by numbers that its seed, epoch and index decide, so any sample can be replayed.

Every transform owns its columns of the random numbers, so turning one on leaves what the others do untouched.
Images are `N C H W` with values in [0, 1], before normalisation.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from striate.data.keyed import uniform
from striate.data.piece import MOST_TIMES
from striate.errors import OptionError

__all__ = ["Augment", "augment", "normalize"]

Images = Float[Tensor, "N C H W"]
Numbers = Float[Tensor, "N r"]


@dataclass(frozen=True)
class Augment:
    """How far training images may be changed; the default changes nothing.

    Args:
        flip: Mirror left and right, every other image.
        pad: Shift by up to so many pixels each way, the border filled with black: the CIFAR papers' pad and crop.
        rotate: Most degrees of rotation, either way.
        zoom: Most relative change of size; 0.1 is 0.9 to 1.1 times.
        shift: Most shift each way, as a part of the side.
        color: Most relative change of brightness, contrast and, where there is colour, saturation.
        erase: Largest side of a square that is blacked out, as a part of the image's side.
        random_crop: Least and most that a picture is scaled to, in times the image size, before a piece of it is taken
            at a random place, instead of the middle one: (256 / 224, 480 / 224) is the ResNets'. See `data.piece`.
        color_noise: Standard deviation of the noise along the colours' principal axes: 0.1 is AlexNet's. See
            `data.color_noise`.

    Raises:
        OptionError: An amount is negative, or too large to leave an image.
    """

    flip: bool = False
    pad: int = 0
    rotate: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0
    color: float = 0.0
    erase: float = 0.0
    random_crop: tuple[float, float] | None = None
    color_noise: float = 0.0

    def __post_init__(self) -> None:
        for name, most in _MOST.items():
            value = getattr(self, name)
            if not 0 <= value <= most:
                raise OptionError(f"augment: {name} is out of range.", f"Pass 0 to {most}.", **{name: value})
        if self.random_crop and not 1 <= self.random_crop[0] <= self.random_crop[1] <= MOST_TIMES:
            raise OptionError(
                "augment: random_crop is out of range.",
                f"Pass two numbers from 1 to {MOST_TIMES:g}, rising, or none.",
                random_crop=self.random_crop,
            )


_MOST: Final = {"pad": 64, "rotate": 180, "zoom": 0.9, "shift": 1, "color": 1, "erase": 1, "color_noise": 1}


def augment(
    images: Float[Tensor, "N C H W"],
    options: Augment,
    *,
    seed: int,
    epoch: int,
    indices: Int[np.ndarray, " n"],
) -> Float[Tensor, "N C H W"]:
    """Change each image as its seed, epoch and index say: all of `Augment` but the random crop and the colour noise.

    The result for one image does not depend on the others of its batch.

    Example:
        >>> x, which = torch.rand(3, 1, 8, 8), np.array([4, 9, 2])
        >>> all_ = augment(x, Augment(rotate=10), seed=1, epoch=5, indices=which)
        >>> alone = augment(x[1:2], Augment(rotate=10), seed=1, epoch=5, indices=which[1:2])
        >>> torch.equal(all_[1:2], alone)
        True
    """
    if options == Augment():
        return images
    numbers = torch.from_numpy(uniform(seed, epoch, indices, sum(columns for columns, _ in TRANSFORMS))).float()
    for columns, transform in TRANSFORMS:
        images = transform(images, options, numbers[:, :columns])
        numbers = numbers[:, columns:]
    return images


def normalize(
    images: Float[Tensor, "N C H W"], mean: tuple[float, ...], std: tuple[float, ...]
) -> Float[Tensor, "N C H W"]:
    """Subtract each channel's mean and divide by its standard deviation."""
    shape = (1, -1, 1, 1)
    return (images - torch.tensor(mean).view(shape)) / torch.tensor(std).view(shape)


def _flip(images: Images, options: Augment, numbers: Numbers) -> Images:
    if not options.flip:
        return images
    mirrored = (numbers[:, 0] < 0.5).view(-1, 1, 1, 1)
    return torch.where(mirrored, images.flip(3), images)


def _pad_and_crop(images: Images, options: Augment, numbers: Numbers) -> Images:
    if not options.pad:
        return images
    n, _, height, width = images.shape
    # A number just below 1 becomes 1 when it is rounded to 32 bits.
    corner = (numbers * (2 * options.pad + 1)).long().clamp(max=2 * options.pad)
    rows = corner[:, 0].view(n, 1, 1) + torch.arange(height).view(1, height, 1)
    columns = corner[:, 1].view(n, 1, 1) + torch.arange(width).view(1, 1, width)
    padded = F.pad(images, [options.pad] * 4).permute(0, 2, 3, 1)
    return padded[torch.arange(n).view(n, 1, 1), rows, columns].permute(0, 3, 1, 2)


def _affine(images: Images, options: Augment, numbers: Numbers) -> Images:
    if not (options.rotate or options.zoom or options.shift):
        return images
    height, width = images.shape[2:]
    signed = 2 * numbers - 1
    angle = signed[:, 0] * math.radians(options.rotate)
    scale = 1 / (1 + signed[:, 1] * options.zoom)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    # The grid's unit is half a side, so a rotation of the picture is not one of the grid unless it is square.
    across, down = (2 * options.shift * signed[:, i] for i in (2, 3))
    theta = torch.stack([cos, -sin * (height / width), across, sin * (width / height), cos, down], 1).view(-1, 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def _color(images: Images, options: Augment, numbers: Numbers) -> Images:
    if not options.color:
        return images
    from kornia import enhance  # it takes a second to import, and few runs change colours

    factor = 1 + (2 * numbers - 1) * options.color
    images = (images * factor[:, 0].view(-1, 1, 1, 1)).clamp(0, 1)
    images = enhance.adjust_contrast_with_mean_subtraction(images, factor[:, 1])
    return enhance.adjust_saturation(images, factor[:, 2]) if images.shape[1] == 3 else images


def _erase(images: Images, options: Augment, numbers: Numbers) -> Images:
    if not options.erase:
        return images
    erased = torch.ones(len(images), 1, 1, 1, dtype=torch.bool)
    for axis, column in ((2, 0), (3, 1)):
        size = images.shape[axis]
        side = numbers[:, 2] * options.erase * size
        place = torch.arange(size) + 0.5
        distance = (place - numbers[:, column, None] * size).abs() * 2
        shape = [len(images), 1, 1, 1]
        shape[axis] = size
        erased = erased & (distance < side[:, None]).view(shape)
    return images.masked_fill(erased, 0)


# In this order; with each, how many random numbers an image needs for it.
TRANSFORMS: Final[tuple[tuple[int, Callable[[Images, Augment, Numbers], Images]], ...]] = (
    (1, _flip),
    (2, _pad_and_crop),
    (4, _affine),
    (3, _color),
    (3, _erase),
)
