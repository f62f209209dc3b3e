"""Integrated gradients: what each pixel adds to the score on the way from an image without content."""

from typing import Final

import torch
from jaxtyping import Float
from numpy.polynomial.legendre import leggauss
from torch import Tensor, nn

from striate.errors import OptionError
from striate.explain.explanation import Explanation, Reading
from striate.explain.layers import Network, captured
from striate.explain.target import Target, class_gradient, told

__all__ = ["READING", "integrated_gradients"]

READING: Final = Reading(
    signed=True,
    normalised="divided by the picture's greatest size, around 0",
    legend="red: this pixel raises the score, against the baseline; blue: it lowers it; white: it changes nothing",
    caption="The values add up to the score minus the baseline's. What is like the baseline gets nothing, however "
    "much it matters: black strokes on a black baseline cannot be seen.",
    assumption="The baseline is an image without content, and the straight line to it is the way to measure along.",
    sanity="Changed by randomised weights, but less than the gradient alone: the image's outline stays, with which "
    "the gradient is multiplied.",
)

# Points of the line that go through the network at once, times images.
_AT_ONCE: Final = 64


def integrated_gradients(
    model: nn.Module | Network,
    images: Float[Tensor, "N C *spatial"],
    target: Target = None,
    *,
    baseline: Float[Tensor, "..."] | float = 0.0,
    steps: int = 50,
) -> Explanation:
    """Integrate the gradient of a class's score along the line from a baseline, and multiply by the way.

    The integral is taken by the Gauss-Legendre rule.

    Args:
        model: A network, or one that is captured.
        images: As the network takes them.
        target: The class; None for the one that is predicted.
        baseline: An image without content, or one for each image; 0 is the mean colour of normalised images.
        steps: Points of the line.

    Returns:
        The images' channels, of both signs. Their sum is the score minus the baseline's, but for the error of the
        rule.

    Raises:
        CaptureError: The model cannot be captured.
        OptionError: There is no such class, or not one step.

    Source:
        Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", ICML 2017, section 3.

    Example:
        >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
        >>> found = integrated_gradients(net, torch.ones(1, 1, 2, 2))
        >>> torch.testing.assert_close(found.values.sum((1, 2, 3)), found.score)
    """
    if steps < 1:
        raise OptionError("integrated_gradients: there is no step.", "Pass 1 or more.", steps=steps)
    images = images.detach()
    network = captured(model, images)
    start = torch.as_tensor(baseline, dtype=images.dtype, device=images.device).detach().expand_as(images)
    _, scores, classes = class_gradient(network, images, target)
    total, share = torch.zeros_like(images), max(1, _AT_ONCE // max(1, len(images)))
    nodes, weights = (torch.as_tensor(n, dtype=images.dtype, device=images.device) for n in leggauss(steps))
    for alpha, weight in zip(((1 + nodes) / 2).split(share), (weights / 2).split(share), strict=True):
        points = torch.lerp(start, images, alpha.view(-1, *[1] * images.ndim)).flatten(0, 1)
        gradient, _, _ = class_gradient(network, points, classes.repeat(len(alpha)))
        total += torch.einsum("s,s...->...", weight, gradient.unflatten(0, (len(alpha), -1)))
    return Explanation("integrated_gradients", total * (images - start), told(classes), scores, READING)
