"""A limit for the filters of convolutions, so that none of the first layer outgrows the others.

Source:
    Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 3: "we renormalize
    each filter in the convolutional layers whose RMS value exceeds a fixed radius of 0.1 to this fixed radius".
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from striate.nn import Conv1d, Conv2d, Conv3d

__all__ = ["filters_of", "limit_filters"]


def filters_of(model: nn.Module) -> list[Tensor]:
    """List the weights of the convolutions that learn; their first axis counts filters.

    Example:
        >>> [tuple(weight.shape) for weight in filters_of(nn.Sequential(nn.Conv2d(3, 8, 5), nn.Linear(8, 2)))]
        [(8, 3, 5, 5)]
    """
    kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d, Conv1d, Conv2d, Conv3d)
    # One that two layers share is limited once.
    found = {id(m.weight): m.weight for m in model.modules() if isinstance(m, kinds)}
    return [weight for weight in found.values() if weight.requires_grad]


@torch.no_grad()
def limit_filters(filters: Sequence[Tensor], most: float) -> None:
    """Scale every filter whose root mean square is above `most` down to it, in place, and leave the others alone.

    Args:
        filters: Weights, `K ...`: each of the `K` is one filter.
        most: The limit.

    Example:
        >>> weight = torch.tensor([[[3.0, 4.0]], [[0.03, 0.04]]])
        >>> limit_filters([weight], 0.1)
        >>> weight.square().mean((1, 2)).sqrt()
        tensor([0.1000, 0.0354])
    """
    for weight in filters:
        rms = weight.square().mean(tuple(range(1, weight.ndim)), keepdim=True).sqrt()
        weight.copy_(torch.where(rms > most, weight * (most / rms), weight))
