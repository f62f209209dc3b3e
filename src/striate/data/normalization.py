"""The mean and the spread of the training pictures, put together from those of each picture."""

from typing import Final

import numpy as np
from jaxtyping import Float64

__all__ = ["normalization"]

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
