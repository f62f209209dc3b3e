"""An image's feature maps at every layer: what a network makes of it, step by step."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from striate.explain.layers import Network, captured
from striate.explain.rendering import sheet, strength, tint

__all__ = ["LEGEND", "feature_maps", "picture_of"]

LEGEND = (
    "One picture a map, each scaled to its own strongest unit: dark is silent, bright is active. "
    "Of a layer that is not rectified, white is zero, red is above it and blue below."
)


def feature_maps(
    model: nn.Module | Network, images: Float[Tensor, "N C H W"], layers: Sequence[str] | None = None
) -> dict[str, Float[Tensor, "N K ..."]]:
    """Give what each layer makes of images.

    Args:
        model: Any module that takes images, or one that is captured already; it is not changed.
        images: As the network takes them: normalised.
        layers: Names of layers; None for all whose output still has rows and columns.

    Returns:
        For each layer its output, by the names that were given.

    Raises:
        OptionError: There is no layer of that name; the message lists those that there are.

    Example:
        >>> from striate.models import create
        >>> found = feature_maps(create("lenet5"), torch.zeros(1, 1, 32, 32), ["C1", "C3"])
        >>> {name: tuple(maps.shape) for name, maps in found.items()}
        {'C1': (1, 6, 28, 28), 'C3': (1, 16, 10, 10)}
    """
    network = captured(model, images)
    names = [name for name, layer in network.layers.items() if layer.has_maps] if layers is None else layers
    with torch.no_grad():
        return network.values(images, names)


def picture_of(maps: Float[Tensor, "K H W"], most: int = 64) -> UInt8[np.ndarray, "h w 3"]:
    """Draw one image's maps of one layer, each scaled to its own strongest unit.

    Args:
        maps: Of one image.
        most: Maps that are drawn, from the first.
    """
    # A map is judged by its layer: one that is never below zero has been rectified.
    draw = tint if bool((maps < 0).any()) else strength
    return sheet([draw(one) for one in maps[:most]])
