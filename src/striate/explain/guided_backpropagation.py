"""Guided backpropagation: the gradient, with everything left out on the way that speaks against a unit."""

from typing import Final

from jaxtyping import Float
from torch import Tensor, nn

from striate.explain.explanation import Explanation, Reading
from striate.explain.layers import Network, Rules, captured
from striate.explain.rules import rectified_both
from striate.explain.target import Target, class_gradient, told

__all__ = ["READING", "guided_backpropagation"]

READING: Final = Reading(
    signed=True,
    normalised="divided by the picture's greatest size, around 0",
    legend="red: more of it here raises what is let through; blue: less of it does; white: nothing",
    caption="Sharp, because edges of the image come through at every rectification. It shows structure that the "
    "network could use; it hardly depends on the class, and is no evidence for an answer.",
    assumption="Only what speaks for a unit matters, at every rectification on the way.",
    sanity="Hardly changed by randomised weights until the lowest layers lose theirs: much of it is the image's own "
    "edges, and it says little of what the layers above have learnt.",
)

_RULES: Final[Rules] = {"relu": rectified_both, "smooth": rectified_both}


def guided_backpropagation(
    model: nn.Module | Network, images: Float[Tensor, "N C *spatial"], target: Target = None
) -> Explanation:
    """Give the gradient of a class's score where at every rectification only positive signals pass, to positive units.

    Rectifiers with a rounded corner (GELU, SiLU, ...) count as rectifiers: the signal's positive part goes by their
    own gradient.

    Args:
        model: A network, or one that is captured.
        images: As the network takes them.
        target: The class; None for the one that is predicted.

    Returns:
        The images' channels, of both signs.

    Raises:
        CaptureError: The model cannot be captured.
        OptionError: There is no such class.

    Source:
        Springenberg, Dosovitskiy, Brox and Riedmiller, "Striving for simplicity: the all convolutional net", ICLR
        workshop 2015, section 3.4.

    Example:
        >>> import torch
        >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> guided_backpropagation(net, torch.ones(1, 1, 2, 2)).values.shape
        torch.Size([1, 1, 2, 2])
    """
    gradient, scores, classes = class_gradient(captured(model, images), images, target, _RULES)
    return Explanation("guided_backpropagation", gradient, told(classes), scores, READING)
