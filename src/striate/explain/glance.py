"""A short look at a few images, for the report of an evaluation."""

from collections.abc import Callable, Sequence
from typing import Final

from jaxtyping import Float
from torch import Tensor

from striate.data.transforms import normalize
from striate.errors import StriateError
from striate.evaluate.explained import Seen
from striate.evaluate.trained import Trained
from striate.explain.explanation import Explanation
from striate.explain.grad_cam import grad_cam
from striate.explain.layers import Network, capture
from striate.explain.rendering import overlay, photograph, way_of
from striate.explain.saliency import saliency
from striate.explain.sentences import sentence

__all__ = ["glance"]

# One that knows single pixels, and one that knows the last maps: where they agree, more can be believed.
METHODS: Final[dict[str, Callable[[Network, Float[Tensor, "N C H W"]], Explanation]]] = {
    "Saliency": saliency,
    "Grad-CAM": grad_cam,
}


def glance(trained: Trained, images: Float[Tensor, "N C H W"]) -> Sequence[Sequence[Seen]]:
    """Explain what a network takes images for, by two methods.

    Args:
        trained: The network.
        images: In [0, 1].

    Returns:
        For each image, what each method says; nothing at all for a network that cannot be looked into.
    """
    p = trained.preprocess
    device = next(trained.model.parameters()).device
    x = normalize(images, p.mean, p.std).to(device)
    made: list[list[Seen]] = [[] for _ in images]
    try:
        network = capture(trained.model, x[:1])
        for name, method in METHODS.items():
            found = method(network, x)
            way = way_of(found.method, signed=found.reading.signed)
            for seen, image, values in zip(made, images, found.values.cpu(), strict=True):
                legend = f"{sentence(found.reading.legend)} {found.reading.caption}"
                picture, laid = photograph(image), way.laid(values)
                seen.append(
                    Seen(name, way.draw(values) if laid is None else overlay(picture, laid, way.opacity), legend)
                )
    except StriateError:  # an evaluation is worth having without this
        return []
    return made
