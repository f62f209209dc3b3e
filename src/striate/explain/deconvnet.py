"""The deconvnet: what of an image made a unit respond, layer by layer back to the pixels.

    up    convolve           rectify   pool, switches kept   ...   one unit of a layer
    down  transposed filter  rectify   unpool by switches    ...   its activation, all others zero

What the paper does not speak of, by rules of this file:
    - windows of pooling that overlap may have found the same sample. It gets the greatest of what they bring
      (`overlap="max"`): where both bring back what they found there, that is what was there; a sum would be twice that.
    - stride: samples that no window saw get nothing, as the transposed convolution says.
    - fully connected layers: the transposed matrix.
    - shortcuts: the signal goes down both ways whole, and is added up where the ways meet.
    - normalisation of batches: the scale that it was trained to be; of responses, contrast or groups: what numbers were
      divided by is held as it was, like a switch; offsets are left out, as everywhere.
    - gates that maps are multiplied with are held too.
    - rectifiers with a rounded corner (GELU, SiLU, ...) count as rectifiers. What is no rectifier (tanh, leaky or hard
      ones of both signs) keeps its own gradient: its outputs have signs, so the signal keeps them.
    - averages, and whatever else there is, their own gradient.

Source:
    Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 2.1.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from striate.errors import OptionError
from striate.explain.explanation import Explanation, Reading
from striate.explain.layers import Layer, Network, Rules, captured
from striate.explain.rules import held_divisor, held_gate, held_spread, rectified_signal, unpooled
from striate.explain.target import differentiable
from striate.ops.unpool import Overlap, check_overlap

__all__ = [
    "READING",
    "Projection",
    "Unit",
    "deconvnet",
    "project",
    "rules_for",
    "strongest",
    "unit_at",
    "unit_index",
]

Unit: TypeAlias = Sequence[int] | Literal["all"] | None
"""A position in a map, row and column; "all" of them; or None for the one that responds most."""

READING: Final = Reading(
    signed=True,
    normalised="divided by the picture's greatest size, around 0",
    legend="red: brighter here than nothing; blue: darker; grey: what the unit did not respond to, or cannot see",
    caption="The structure in this image that the unit responded to, beside the patch that it saw. It is a picture of "
    "one image's response, not of what the unit looks for in general, and not a probability of anything.",
    assumption="Where the maxima were is kept; which units were silent is not: a signal passes every rectification "
    "where it is positive.",
    sanity="Randomised weights change it, once a layer between the unit and the image has lost its own; what lies "
    "above the unit has no part in it. Where there are many maxima, much of the picture is decided by where they were, "
    "that is, by the image: compare it with the views of other units.",
)


def rules_for(overlap: Overlap = "max") -> Rules:
    """Give the way back of a deconvnet, for `Network.run`.

    Args:
        overlap: What becomes of a sample that several windows name.
    """
    return {
        "relu": rectified_signal,
        "smooth": rectified_signal,
        "max_pool": unpooled(overlap),
        "divide": held_divisor,
        "gate": held_gate,
        "norm": held_spread,
    }


def deconvnet(
    model: nn.Module | Network,
    images: Float[Tensor, "N C *spatial"],
    layer: str | None = None,
    feature: int | None = None,
    unit: Unit = None,
    *,
    overlap: Overlap = "max",
) -> Explanation:
    """Project the activation of one feature of a layer down to the pixels, everything else in the layer zero.

    Args:
        model: A network, or one that is captured.
        images: As the network takes them.
        layer: A layer's name; None for the network's scores.
        feature: The feature map, or the class; None for the one that responds most, in each image.
        unit: The position in the map; None for the one that responds most, in each image. With "all", activations that
            the rectification right behind the layer takes away are zero.
        overlap: What becomes of a sample that several windows name: the 'max' of what they bring, the 'sum', which is
            what a gradient gives, or the 'last'.

    Returns:
        The images' channels, of both signs; zero wherever the unit sees nothing. The score is the unit's activation;
        of a whole map, its greatest.

    Raises:
        CaptureError: The model cannot be captured.
        OptionError: There is no such layer, feature, unit or way to treat overlaps.

    Source:
        Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 2.1.

    Example:
        >>> conv = nn.Conv2d(1, 2, 2, bias=False)
        >>> _ = conv.weight.data.copy_(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]], [[[0.0, 0.0], [0.0, 0.0]]]]))
        >>> found = deconvnet(conv, torch.eye(3)[None, None], "conv2d", 0, (0, 1))
        >>> found, found.score
        (Explanation(deconvnet of conv2d, map 0 at (0, 1), 1 images of 3 x 3), tensor([3.]))
        >>> found.values
        tensor([[[[ 0.,  3.,  6.],
                  [ 0.,  9., 12.],
                  [ 0.,  0.,  0.]]]])
    """
    check_overlap("deconvnet", overlap)
    network = captured(model, images)
    where = network.layer(network.output if layer is None else layer)
    _check(where, feature, unit)

    def choose(maps: Tensor) -> tuple[Tensor, Tensor]:
        return strongest(maps, feature, unit_index(where, unit))

    found = project(network, images, where, choose, whole=unit == "all", overlap=overlap)
    words = _words(where, found.features.tolist(), found.places.tolist(), whole=unit == "all")
    return Explanation("deconvnet", found.values, words, found.scores, READING)


class Projection(NamedTuple):
    """What `project` gives.

    Args:
        values: Signals at the pixels.
        features: The feature of each image.
        places: Its unit: the place in the map, row by row.
        scores: The activation.
    """

    values: Float[Tensor, "N C *spatial"]
    features: Int64[Tensor, " N"]
    places: Int64[Tensor, " N"]
    scores: Float[Tensor, " N"]


def project(
    network: Network,
    images: Float[Tensor, "N C *spatial"],
    layer: Layer,
    choose: Callable[[Tensor], tuple[Tensor, Tensor]],
    *,
    whole: bool = False,
    overlap: Overlap = "max",
) -> Projection:
    """Project one unit of each image, or the map that it is in, down to the pixels.

    Args:
        network: A captured network.
        images: As it takes them.
        layer: Where the units are.
        choose: Gives the feature and the place of each image's unit, of the layer's maps, `N C P`.
        whole: Whether the whole map is projected.
        overlap: As for `deconvnet`.
    """
    with differentiable(images) as x:
        value = network.values(x, [layer.name], rules=rules_for(overlap))[layer.name]
        maps = value.detach().reshape(len(value), value.shape[1], -1)
        features, places = choose(maps)
        rows = torch.arange(len(maps), device=maps.device)
        seed, scores = torch.zeros_like(maps), maps[rows, features, places]
        if whole:
            kept = maps[rows, features]
            seed[rows, features] = kept.clamp(min=0) if layer.rectified else kept
        else:
            seed[rows, features, places] = scores
        (down,) = torch.autograd.grad(value, x, seed.view_as(value), materialize_grads=True)
    return Projection(down, features, places, scores)


def strongest(
    maps: Float[Tensor, "N C P"], feature: int | None = None, place: int | None = None
) -> tuple[Int64[Tensor, " N"], Int64[Tensor, " N"]]:
    """Find the unit of each image that responds most: the first of equals.

    Args:
        maps: A layer's.
        feature: Only among this feature's.
        place: Only among those at this place.

    Returns:
        Their features and places.

    Example:
        >>> strongest(torch.tensor([[[0.0, 1.0], [3.0, 2.0]]]))
        (tensor([1]), tensor([0]))
    """
    among = maps if feature is None else maps[:, feature : feature + 1]
    among = among if place is None else among[:, :, place : place + 1]
    found = among.flatten(1).argmax(1)
    features, places = found // among.shape[2], found % among.shape[2]
    return features + (feature or 0), places + (place or 0)


def unit_index(layer: Layer, unit: Unit) -> int | None:
    """Count a unit's position row by row; None if it is to be found.

    Example:
        >>> unit_index(Layer("conv1", "Conv2d", (8, 5, 5), (), False, ""), (1, 2))
        7
    """
    if unit is None or unit == "all":
        return None
    index = 0
    for place, size in zip(unit, layer.shape[1:], strict=True):
        index = index * size + place
    return index


def unit_at(layer: Layer, place: int) -> tuple[int, ...]:
    """Give the position that is counted so.

    Example:
        >>> unit_at(Layer("conv1", "Conv2d", (8, 5, 5), (), False, ""), 7)
        (1, 2)
    """
    found: list[int] = []
    for size in reversed(layer.shape[1:]):
        place, rest = divmod(place, size)
        found.insert(0, rest)
    return tuple(found)


def _check(layer: Layer, feature: int | None, unit: Unit) -> None:
    features, *size = layer.shape
    inside = (
        unit is None
        or unit == "all"
        or (len(unit) == len(size) and all(0 <= place < n for place, n in zip(unit, size, strict=True)))
    )
    if inside and (feature is None or 0 <= feature < features):
        return
    positions = f"; units: {' x '.join(map(str, size))} positions, counted from 0, or 'all'" if size else "; no unit"
    raise OptionError(
        f"deconvnet: {layer.name} has no such unit.",
        f"Features: 0 to {features - 1}{positions}.",
        feature=feature,
        unit=unit,
    )


def _words(layer: Layer, features: list[int], places: list[int], *, whole: bool) -> str:
    """Say which units were projected, those of all images once if they are the same."""
    if len(layer.shape) == 1:
        said = [f"unit {feature}" for feature in features]
    elif whole:
        said = [f"map {feature}" for feature in features]
    else:
        said = [f"map {f} at {unit_at(layer, place)}" for f, place in zip(features, places, strict=True)]
    return f"{layer.name}, {'; '.join(dict.fromkeys(said) if len(set(said)) == 1 else said)}"
