"""Grad-CAM: the maps of a layer, weighted by how much a class's score wants of each."""

from collections.abc import Callable
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from striate.errors import OptionError
from striate.explain.explanation import Explanation, Reading
from striate.explain.layers import Layer, Network, captured, needs_plane
from striate.explain.target import Target, classes_of, differentiable, scores_of, told

__all__ = ["READING", "cam_layer", "grad_cam", "weighted_maps"]

READING: Final = Reading(
    signed=False,
    normalised="divided by the picture's greatest value",
    legend="bright: what the layer sees around here speaks for the class; dark: it does not, or speaks against it",
    caption="Coarse: one value a position of the layer, spread smoothly in between, so its edges are no edges of "
    "anything. Each position sees its whole receptive field. What speaks against the class is not shown.",
    assumption="A map means the same everywhere, and how much a score wants of it is its mean gradient.",
    sanity="Changed at once by randomised weights, and nothing is left in the end: it shows what the network has "
    "learnt, most of all above the layer.",
)

Weigh = Callable[[Tensor, Tensor], Tensor]


def grad_cam(
    model: nn.Module | Network,
    images: Float[Tensor, "N C H W"],
    target: Target = None,
    *,
    layer: str | None = None,
) -> Explanation:
    """Add up the maps of a layer, each times the mean gradient that a class's score has there; the positive part.

    Args:
        model: A network, or one that is captured.
        images: As the network takes them.
        target: The class; None for the one that is predicted.
        layer: A layer with maps; None for the last one that is as large as the last convolution's maps.

    Returns:
        One channel, nowhere negative, enlarged to the images' size between the centres of positions.

    Raises:
        CaptureError: The model cannot be captured.
        OptionError: There is no such class, or no such layer with maps.

    Source:
        Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra, "Grad-CAM: visual explanations from deep networks via
        gradient-based localization", ICCV 2017, section 3, equations 1 and 2.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
        >>> grad_cam(net, torch.ones(1, 1, 8, 8)).values.shape
        torch.Size([1, 1, 8, 8])
    """
    values, scores, words = weighted_maps(
        captured(model, images), images, target, layer, lambda _maps, gradient: gradient.mean((2, 3), keepdim=True)
    )
    return Explanation("grad_cam", values, words, scores, READING)


def weighted_maps(
    network: Network, images: Tensor, target: Target, layer: str | None, weigh: Weigh
) -> tuple[Tensor, Tensor, str]:
    """Add up the maps of a layer by weights that are made of them and of the score's gradient.

    Args:
        network: A captured network.
        images: As it takes them.
        target: The class.
        layer: As for `grad_cam`.
        weigh: Gives a weight a map, of the maps and the gradient.

    Returns:
        The positive part of the sum, on the grid of the images; the scores; and what was explained, in words.
    """
    needs_plane("grad_cam", images.shape)
    where = cam_layer(network, layer)
    with differentiable(images) as x:
        output, kept = network.run(x, [where.name])
        maps = kept[where.name]
        classes = classes_of(output, target)
        scores = scores_of(output, classes)
        gradient = torch.autograd.grad(scores.sum(), maps, materialize_grads=True)[0]
    summed = (weigh(maps.detach(), gradient) * maps.detach()).sum(1, keepdim=True).clamp(min=0)
    values = F.interpolate(summed, network.input_size[1:], mode="bilinear", align_corners=False)
    return values, scores.detach(), f"{told(classes)}, at {where.name}"


def cam_layer(network: Network, name: str | None) -> Layer:
    """Choose the layer whose maps are added up.

    Raises:
        OptionError: The layer, or every layer, has no maps.
    """
    if name is not None:
        found = network.layer(name)
        if found.has_maps:
            return found
        raise OptionError(
            f"grad_cam: {name} has no maps.",
            f"Choose a layer of channels, height and width: {', '.join(_with_maps(network))}.",
            shape=found.shape,
        )
    layers = list(network.layers.values())
    convolved = [layer.shape[1:] for layer in layers if "convolution" in layer.operations and _is_map(layer)]
    if not convolved:
        raise OptionError(
            f"grad_cam: {network.name} has no convolution whose maps have positions.",
            "Name a layer with maps, if there is one: layer=...",
            layers=", ".join(network.layers),
        )
    return [layer for layer in layers if layer.has_maps and layer.shape[1:] == convolved[-1]][-1]


def _with_maps(network: Network) -> list[str]:
    return [layer.name for layer in network.layers.values() if _is_map(layer)]


def _is_map(layer: Layer) -> bool:
    return layer.has_maps and layer.shape[1] * layer.shape[2] > 1
