"""Which of a network's scores is explained, and its gradient with respect to the images, by whatever rules."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from striate.errors import OptionError
from striate.explain.layers import Network, Rules

__all__ = ["Target", "class_gradient", "classes_of", "differentiable", "scores_of", "told"]

Target: TypeAlias = int | Sequence[int] | Int64[Tensor, " N"] | None
"""The class that is explained: one for all images, one for each, or None for the class that the network predicts."""


def classes_of(output: Float[Tensor, "N K"], target: Target) -> Int64[Tensor, " N"]:
    """Write out a target, an image each.

    Raises:
        OptionError: The network gives no scores of classes, it has no such class, or there are as many as images not.

    Example:
        >>> classes_of(torch.tensor([[0.0, 1.0], [2.0, 1.0]]), None)
        tensor([1, 0])
    """
    if output.ndim != 2:
        raise OptionError(
            "explain: the network gives no row of scores for an image, so there is no class to explain.",
            "Pass the part of it that classifies; or explain a layer, with deconvnet(model, images, layer).",
            output=tuple(output.shape),
        )
    if target is None:
        return output.detach().argmax(1)
    found = _numbers(target, output.device)
    wrong = found is None or found.ndim > 1 or (found.ndim == 1 and len(found) != len(output))
    if found is None or wrong or bool(((found < 0) | (found >= output.shape[1])).any()):
        raise OptionError(
            "explain: this is no class of these images.",
            f"Pass a whole number from 0 to {output.shape[1] - 1}, or one for each of the {len(output)} images.",
            target=target.tolist() if isinstance(target, Tensor) else target,
        )
    return found.expand(len(output)).clone()  # what inference made cannot be kept for a gradient


def _numbers(target: object, device: torch.device) -> Tensor | None:
    """Read whole numbers; None if they are no such thing."""
    try:
        found = torch.as_tensor(target, device=device)
    except (TypeError, ValueError, RuntimeError):  # words, or nothing among numbers
        return None
    whole = not (found.is_floating_point() or found.is_complex() or found.dtype == torch.bool)
    return found.long() if whole else None


@contextmanager
def differentiable(images: Float[Tensor, "N C *spatial"]) -> Generator[Tensor]:
    """Give a copy of images to differentiate by, also where the caller has switched gradients off.

    >>> with torch.inference_mode(), differentiable(torch.ones(1, 1, 2)) as x:
    ...     torch.autograd.grad(x.square().sum(), x)[0].tolist()
    [[[2.0, 2.0]]]
    """
    with torch.inference_mode(mode=False), torch.enable_grad():
        yield images.detach().clone().requires_grad_()


def scores_of(output: Float[Tensor, "N K"], classes: Int64[Tensor, " N"]) -> Float[Tensor, " N"]:
    """Pick the score of one class of each image."""
    return output.gather(1, classes[:, None])[:, 0]


def told(classes: Int64[Tensor, " N"]) -> str:
    """Say in words which classes are explained.

    Example:
        >>> told(torch.tensor([7, 7])), told(torch.tensor([7, 3]))
        ('class 7', 'classes 7, 3')
    """
    named = classes.tolist()
    return f"class {named[0]}" if len(set(named)) == 1 else f"classes {', '.join(map(str, named))}"


def class_gradient(
    network: Network, images: Float[Tensor, "N C *spatial"], target: Target, rules: Rules | None = None
) -> tuple[Float[Tensor, "N C *spatial"], Float[Tensor, " N"], Int64[Tensor, " N"]]:
    """Give the gradient of a class's score with respect to the images, the score, and the class.

    Args:
        network: A captured network.
        images: As it takes them.
        target: The class.
        rules: By which the signal goes back where it is no gradient.
    """
    with differentiable(images) as x:
        output, _ = network.run(x, rules=rules)
        classes = classes_of(output, target)
        scores = scores_of(output, classes)
        (gradient,) = torch.autograd.grad(scores.sum(), x)
    return gradient, scores.detach(), classes
