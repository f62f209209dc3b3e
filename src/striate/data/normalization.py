"""The mean, the spread and the covariance of the training pictures, put together from those of each picture."""

from typing import Final

import numpy as np
from jaxtyping import Float32, Float64

__all__ = ["covariance", "moments", "normalization"]

# A channel that varies less does not vary: it is only shifted, since dividing would blow up its rounding errors.
_CONSTANT: Final = 1e-6


def normalization(
    mean: Float64[np.ndarray, "N C"], variance: Float64[np.ndarray, "N C"]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Give mean and standard deviation of each channel over all pictures, which are of one size.

    Args:
        mean: Of each picture.
        variance: Of each picture.

    Returns:
        Means and standard deviations; 0 and 1 where there is no picture, and a deviation of 1 where nothing varies.

    Example:
        >>> normalization(np.array([[0.2], [0.6]]), np.array([[0.05], [0.05]]))
        ((0.4,), (0.3,))
    """
    if not len(mean):
        return (0.0,) * mean.shape[1], (1.0,) * mean.shape[1]
    whole = mean.mean(axis=0)
    spread = np.sqrt(variance.mean(axis=0) + ((mean - whole) ** 2).mean(axis=0))
    return tuple(whole.tolist()), tuple(np.where(spread > _CONSTANT, spread, 1.0).tolist())


def covariance(mean: Float64[np.ndarray, "N C"], within: Float64[np.ndarray, "N C C"]) -> tuple[float, ...]:
    """Give the covariance of the channels over all pixels of all pictures, which are of one size.

    Args:
        mean: Of each picture.
        within: The covariance in each picture.

    Returns:
        Its numbers, row by row; none where there is no picture.

    Example:
        >>> covariance(np.array([[0.2], [0.6]]), np.array([[[0.05]], [[0.05]]]))
        (0.09,)
    """
    if not len(mean):
        return ()
    apart = mean - mean.mean(axis=0)
    whole = within.mean(axis=0) + (apart[:, :, None] * apart[:, None, :]).mean(axis=0)
    return tuple(whole.ravel().tolist())


def moments(
    values: Float32[np.ndarray, "C H W"],
) -> tuple[Float64[np.ndarray, " C"], Float64[np.ndarray, "C C"]]:
    """Give one picture's mean of each channel, and the covariance of each two.

    Example:
        >>> mean, within = moments(np.array([[[0.0, 1.0]], [[1.0, 0.0]]], dtype=np.float32))
        >>> mean.tolist(), within.tolist()
        ([0.5, 0.5], [[0.25, -0.25], [-0.25, 0.25]])
    """
    mean = values.mean(axis=(1, 2), dtype=np.float64)
    apart = values - mean[:, None, None]
    # Not a matrix product: that is cut among threads, and its last bits depend on how many there are.
    return mean, np.array([[(one * other).mean() for other in apart] for one in apart])
