"""Grad-CAM++: as Grad-CAM, weighing the positions of a map by how much each of them alone moves the score."""

from dataclasses import replace
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate.explain.explanation import Explanation
from striate.explain.grad_cam import READING as OF_GRAD_CAM
from striate.explain.grad_cam import weighted_maps
from striate.explain.layers import Network, captured
from striate.explain.target import Target

__all__ = ["READING", "grad_cam_plus_plus"]

READING: Final = replace(
    OF_GRAD_CAM,
    assumption="Only positive gradients count; positions share a map's weight so that every occurrence of an object "
    "counts, also a small one. Second and third derivatives are those of the score's exponential.",
    sanity="Hardly changed when the weights above the layer are randomised: its weights are positive whatever the "
    "class, so it shows mostly where the maps are large. Compare it with Grad-CAM.",
)


def grad_cam_plus_plus(
    model: nn.Module | Network,
    images: Float[Tensor, "N C H W"],
    target: Target = None,
    *,
    layer: str | None = None,
) -> Explanation:
    """Add up the maps of a layer, each weighted by its positive gradients, position by position.

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
        Chattopadhay, Sarkar, Howlader and Balasubramanian, "Grad-CAM++: generalized gradient-based visual explanations
        for deep convolutional networks", WACV 2018, section 3.2, equations 5, 10 and 19. The factor exp(score), which
        all weights of an image share, is left out.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
        >>> grad_cam_plus_plus(net, torch.ones(1, 1, 8, 8)).values.shape
        torch.Size([1, 1, 8, 8])
    """
    values, scores, words = weighted_maps(captured(model, images), images, target, layer, _weigh)
    return Explanation("grad_cam_plus_plus", values, words, scores, READING)


def _weigh(maps: Tensor, gradient: Tensor) -> Tensor:
    square, cube = gradient**2, gradient**3
    divisor = 2 * square + maps.sum((2, 3), keepdim=True) * cube
    share = torch.where(divisor != 0, square / torch.where(divisor != 0, divisor, 1.0), 0.0)
    return (share * gradient.clamp(min=0)).sum((2, 3), keepdim=True)
