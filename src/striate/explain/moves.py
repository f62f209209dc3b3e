"""Images that are shifted, scaled and turned about their middle, differentiably."""

from math import cos, radians, sin

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

__all__ = ["moved"]


def moved(
    images: Float[Tensor, "N C H W"],
    *,
    down: float = 0.0,
    right: float = 0.0,
    scale: float = 1.0,
    degrees: float = 0.0,
) -> Float[Tensor, "N C H W"]:
    """Move images; between samples they are interpolated bilinearly, and what comes in over the border is 0.

    Of normalised images 0 is the training pictures' mean.

    Args:
        images: Any.
        down: Samples by which all moves down.
        right: Samples by which all moves to the right.
        scale: Above 1 enlarges about the middle.
        degrees: Turned anticlockwise about the middle.

    Returns:
        As many samples as before; the very images where nothing is to be done.

    Example:
        >>> import torch
        >>> moved(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), down=1)[0, 0].tolist()
        [[0.0, 0.0], [1.0, 2.0]]
        >>> moved(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), degrees=90)[0, 0].round().tolist()
        [[2.0, 4.0], [1.0, 3.0]]
    """
    if (down, right, scale, degrees % 360) == (0, 0, 1, 0):
        return images
    height, width = images.shape[2:]
    if (scale, degrees % 360) == (1, 0) and float(down).is_integer() and float(right).is_integer():
        # Whole samples need no weights: to have none is exact. A padding below 0 cuts off.
        x, y = (int(max(-side, min(side, by))) for side, by in ((width, right), (height, down)))
        return F.pad(images, (x, -x, y, -y))
    across, along = cos(radians(degrees)) / scale, sin(radians(degrees)) / scale
    # From where each sample comes: affine_grid counts from -1 to 1 along each side, which are not equally long.
    rows = [
        [across, -along * height / width, -2 * (across * right - along * down) / width],
        [along * width / height, across, -2 * (along * right + across * down) / height],
    ]
    turn = images.new_tensor(rows).expand(len(images), 2, 3)
    grid = F.affine_grid(turn, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)
