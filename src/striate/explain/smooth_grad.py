"""SmoothGrad: the gradient, averaged over copies of the image with noise."""

from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate.errors import OptionError
from striate.explain.explanation import Explanation, Reading
from striate.explain.layers import Network, captured
from striate.explain.target import Target, class_gradient, told

__all__ = ["READING", "smooth_grad"]

READING: Final = Reading(
    signed=False,
    normalised="divided by the picture's greatest value",
    legend="bright: around images like this one, changing the pixel changes the score much; dark: hardly",
    caption="Saliency without its grain. The noise is part of the question: more of it asks about images further away, "
    "where the network may see something else.",
    assumption="What matters is alike for images that differ by a little noise.",
    sanity="Changed at once by randomised weights, from the output down: it shows what the network has learnt. Some "
    "likeness stays, as strokes stay brighter than background.",
)


def smooth_grad(
    model: nn.Module | Network,
    images: Float[Tensor, "N C *spatial"],
    target: Target = None,
    *,
    samples: int = 50,
    noise: float = 0.15,
    seed: int = 0,
) -> Explanation:
    """Average the gradient of a class's score over noisy copies of the images; its size, the greatest over channels.

    All images of a call get the same noise, so that none depends on the others.

    Args:
        model: A network, or one that is captured.
        images: As the network takes them.
        target: The class; None for the one that is predicted without noise.
        samples: Copies of each image.
        noise: Standard deviation, as a part of the image's greatest minus its least value.
        seed: Decides the noise.

    Returns:
        One channel, nowhere negative.

    Raises:
        CaptureError: The model cannot be captured.
        OptionError: There is no such class, not one sample, or the noise is negative.

    Source:
        Smilkov, Thorat, Kim, Viégas and Wattenberg, "SmoothGrad: removing noise by adding noise", arXiv:1706.03825,
        section 3.

    Example:
        >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2))
        >>> smooth_grad(net, torch.ones(1, 1, 2, 2), samples=3).values.shape
        torch.Size([1, 1, 2, 2])
    """
    if samples < 1 or noise < 0:
        raise OptionError(
            "smooth_grad: there is nothing to average.",
            "Pass 1 sample or more, and noise of 0 or more.",
            samples=samples,
            noise=noise,
        )
    network = captured(model, images)
    _, scores, classes = class_gradient(network, images, target)
    axes = tuple(range(1, images.ndim))
    spread = noise * (images.amax(axes, keepdim=True) - images.amin(axes, keepdim=True))
    random, total = torch.Generator().manual_seed(seed), torch.zeros_like(images)
    for _ in range(samples):
        drawn = torch.randn(images.shape[1:], generator=random, dtype=images.dtype).to(images.device)
        total += class_gradient(network, images + spread * drawn, classes)[0]
    values = (total / samples).abs().amax(1, keepdim=True)
    return Explanation("smooth_grad", values, told(classes), scores, READING)
