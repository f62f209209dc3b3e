"""Colour noise: an image's colours moved along the directions in which the training pictures' colours vary."""

from functools import lru_cache
from math import isqrt

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from striate.data.keyed import COLOR, uniform

__all__ = ["color_noise", "principal_axes"]

# Away from 0 and 1, where the normal distribution has no number: 5.2 standard deviations are the most.
_LEAST = 1e-7


def color_noise(
    images: Float[Tensor, "N C H W"],
    amount: float,
    covariance: tuple[float, ...],
    *,
    seed: int,
    epoch: int,
    indices: Int[np.ndarray, " n"],
) -> Float[Tensor, "N C H W"]:
    """Add to all pixels of an image `p1 a1 s1 + p2 a2 s2 + p3 a3 s3`, with the `a` as its seed, epoch and index say.

    The `p` are the eigenvectors of the colours' covariance, the `s` square roots of its eigenvalues, and the `a` are
    drawn from a normal distribution; so the noise varies as the colours do, `amount ** 2` times as much.
    The paper's text has the eigenvalues themselves, which would make the noise depend on the unit of the pixels; its
    authors' program (cuda-convnet2, `color_stdevs`) has their square roots. Values may leave [0, 1].

    Args:
        images: With values in [0, 1], before normalisation.
        amount: Standard deviation of the `a`; the paper's is 0.1.
        covariance: Of the channels over the training part; see `Preprocess`.
        seed: The run's.
        epoch: Passes over the data before this one.
        indices: The samples.

    Source:
        Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", NIPS 2012, section 4.1.
    """
    if not amount:
        return images
    axes = principal_axes(covariance)
    numbers = torch.from_numpy(uniform(seed, epoch, indices, len(axes), stream=COLOR))
    along = amount * torch.special.ndtri(numbers.clamp(_LEAST, 1 - _LEAST))
    # Not a matrix product: an image's noise must not depend on how many others are in its batch.
    noise = sum((along[:, i, None] * axes[i] for i in range(len(axes))), start=torch.zeros(1))
    return images + noise.to(images.dtype)[:, :, None, None]


@lru_cache(maxsize=4)
def principal_axes(covariance: tuple[float, ...]) -> Float[Tensor, "C C"]:
    """Give a covariance's eigenvectors as rows, each as long as the square root of its eigenvalue.

    Example:
        >>> principal_axes((0.04, 0.0, 0.0, 0.01)).abs()
        tensor([[0.0000, 0.1000],
                [0.2000, 0.0000]], dtype=torch.float64)
    """
    values, vectors = np.linalg.eigh(np.reshape(covariance, (isqrt(len(covariance)), -1)))
    return torch.from_numpy((vectors * np.sqrt(values.clip(0))).T.copy())
