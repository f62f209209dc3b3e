"""What is to be maximised: one unit, a whole map, a direction among maps, or a class.

An objective says where it looks and what it reads there; it knows nothing of how the image is made or shaken.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from striate.errors import OptionError

__all__ = ["Objective", "class_score", "direction", "feature_map", "unit"]


@dataclass(frozen=True)
class Objective:
    """One question to a network.

    Args:
        name: In words.
        layer: Where it looks; None for the network's output.
        read: Takes that output and gives one number an image, the higher the better.
    """

    name: str
    layer: str | None
    read: Callable[[Float[Tensor, "N K ..."]], Float[Tensor, " N"]]


def unit(layer: str, feature: int, position: Sequence[int] | None = None) -> Objective:
    """Ask for one unit.

    Args:
        layer: A layer's name.
        feature: Its map.
        position: Row and column; None for the middle.

    Example:
        >>> import torch
        >>> unit("conv5", 3, (0, 1)).read(torch.arange(16.0).view(1, 4, 2, 2))
        tensor([13.])
    """
    where = "the middle" if position is None else str(tuple(position))

    def read(output: Float[Tensor, "N K ..."]) -> Float[Tensor, " N"]:
        chosen = _map_of(output, layer, feature)
        index = [side // 2 for side in chosen.shape[1:]] if position is None else list(position)
        return chosen[(slice(None), *index)]

    return Objective(f"{layer}, map {feature}, the unit at {where}", layer, read)


def feature_map(layer: str, feature: int) -> Objective:
    """Ask for a whole map: the mean of its units.

    >>> import torch
    >>> feature_map("conv5", 1).read(torch.arange(8.0).view(1, 2, 2, 2))
    tensor([5.5000])
    """
    return Objective(
        f"{layer}, map {feature}",
        layer,
        lambda output: _map_of(output, layer, feature).reshape(len(output), -1).mean(1),
    )


def direction(layer: str, weights: Float[Tensor, " K"], name: str = "a direction") -> Objective:
    """Ask for a mixture of a layer's maps: the mean over all positions of the product with `weights`.

    >>> import torch
    >>> direction("conv5", torch.tensor([1.0, -1.0])).read(torch.arange(8.0).view(1, 2, 2, 2))
    tensor([-4.])
    """

    def read(output: Float[Tensor, "N K ..."]) -> Float[Tensor, " N"]:
        if output.shape[1] != len(weights):
            raise OptionError(
                "direction: there is not one weight a map.",
                f"Pass {output.shape[1]} numbers.",
                layer=layer,
                weights=len(weights),
            )
        return output.flatten(2).mean(2) @ weights if output.ndim > 2 else output @ weights

    return Objective(f"{layer}, {name}", layer, read)


def class_score(index: int, name: str = "") -> Objective:
    """Ask for a class's score before the softmax: after it, to lower all others would do as well.

    Args:
        index: The class.
        name: What it is called.
    """
    return Objective(f"class {name or index}", None, lambda output: _map_of(output, "the output", index))


def _map_of(output: Float[Tensor, "N K ..."], layer: str, feature: int) -> Float[Tensor, "N ..."]:
    if not 0 <= feature < output.shape[1]:
        raise OptionError(
            f"maximise: {layer} has no map {feature}.", f"Choose from 0 to {output.shape[1] - 1}.", feature=feature
        )
    return output[:, feature]
