"""Saliency: how strongly a class's score answers to each pixel."""

from typing import Final

from jaxtyping import Float
from torch import Tensor, nn

from striate.explain.explanation import Explanation, Reading
from striate.explain.layers import Network, captured
from striate.explain.target import Target, class_gradient, told

__all__ = ["READING", "saliency"]

READING: Final = Reading(
    signed=False,
    normalised="divided by the picture's greatest value",
    legend="bright: a small change of this pixel changes the score much; dark: hardly",
    caption="Where the score is sensitive. It does not say which pixels speak for the class, nor that a dark one was "
    "not used: where a score has levelled off its gradient is small.",
    assumption="The score is about a plane around this image.",
    sanity="Changed at once by randomised weights, from the output down: it shows what the network has learnt. Some "
    "likeness stays, as strokes stay brighter than background.",
)


def saliency(model: nn.Module | Network, images: Float[Tensor, "N C *spatial"], target: Target = None) -> Explanation:
    """Give the size of the gradient of a class's score with respect to each pixel, its greatest over the channels.

    Args:
        model: A network, or one that is captured.
        images: As the network takes them.
        target: The class; None for the one that is predicted.

    Returns:
        One channel, nowhere negative.

    Raises:
        CaptureError: The model cannot be captured.
        OptionError: There is no such class.

    Source:
        Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks: visualising image classification models
        and saliency maps", ICLR workshop 2014, section 3.1.

    Example:
        >>> import torch
        >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
        >>> _ = net[1].weight.data.copy_(torch.tensor([[1.0, -2.0, 0.0, 3.0], [0.0, 0.0, 0.0, 0.0]]))
        >>> saliency(net, torch.ones(1, 1, 2, 2), 0).values
        tensor([[[[1., 2.],
                  [0., 3.]]]])
    """
    gradient, scores, classes = class_gradient(captured(model, images), images, target)
    return Explanation("saliency", gradient.abs().amax(1, keepdim=True), told(classes), scores, READING)
