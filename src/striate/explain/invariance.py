"""How far features move when the image is shifted, enlarged or turned, layer by layer.

Source:
    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.1 and figure 5.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from striate.errors import OptionError
from striate.explain.layers import Network, captured, needs_plane
from striate.explain.moves import moved
from striate.explain.target import classes_of
from striate.explain.top_activations import affordable

__all__ = ["CHANGES", "Change", "Invariance", "invariance"]


@dataclass(frozen=True)
class Change:
    """A row of the table of what is done to an image.

    Args:
        apply: Does it: takes images and an amount.
        unit: Of the amounts.
        amounts: The usual ones, for an image of a given height in samples.
    """

    apply: Callable[[Float[Tensor, "N C H W"], float], Float[Tensor, "N C H W"]]
    unit: str
    amounts: Callable[[int], Sequence[float]]


# Figure 5: up and down by 60 of 224 samples, up to 1.8 times as large, and a whole turn.
CHANGES: Final[dict[str, Change]] = {
    "translation": Change(
        lambda images, samples: moved(images, down=samples),
        "input samples down",
        lambda height: sorted({round(height * share / 16) for share in range(-4, 5)}),
    ),
    "scaling": Change(
        lambda images, factor: moved(images, scale=factor), "times as large", lambda height: (1, 1.2, 1.4, 1.6, 1.8)
    ),
    "rotation": Change(
        lambda images, degrees: moved(images, degrees=degrees), "degrees", lambda height: tuple(range(0, 361, 15))
    ),
}


@dataclass(frozen=True)
class Invariance:
    """What one kind of change does.

    Args:
        change: Its name.
        unit: Of the amounts.
        amounts: How far.
        distances: By layer, for each amount and image, the Euclidean distance of the features to those of the image
            as it was, divided by the length of the latter: 0 is no change, above 1 more than the features themselves.
        probability: Of the class, for each amount and image.
    """

    change: str
    unit: str
    amounts: tuple[float, ...]
    distances: Mapping[str, Float[Tensor, "A N"]]
    probability: Float[Tensor, "A N"]


def invariance(
    model: nn.Module | Network,
    images: Float[Tensor, "N C H W"],
    change: str,
    *,
    labels: Int64[Tensor, " N"] | None = None,
    amounts: Sequence[float] | None = None,
    layers: Sequence[str] | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Invariance:
    """Follow features and the class's probability while images are changed more and more.

    Args:
        model: Any module that gives one score a class, or one that is captured already; it is not changed.
        images: As the network takes them: normalised, so that what comes in over the border is the mean.
        change: translation, scaling or rotation.
        labels: The true classes; None for those that the unchanged images are taken for.
        amounts: How far; None for the paper's, in proportion to the image.
        layers: Whose features are followed; None for the first and the last one, as in the paper.
        on_progress: Called with the changed images that are looked at and all of them.

    Raises:
        OptionError: There is no such change, layer or class; the message lists those that there are.
        ShapeError: The images have not two spatial axes.

    Example:
        >>> mean = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())  # the same wherever a thing is
        >>> image = torch.zeros(1, 2, 9, 9)
        >>> image[:, :, 4, 4] = 1
        >>> found = invariance(mean, image, "translation", amounts=(0, 2), layers=["0"])
        >>> found.distances["0"].flatten().tolist()
        [0.0, 0.0]
    """
    if change not in CHANGES:
        raise OptionError(f"invariance: no change is called {change!r}.", f"Choose one of: {', '.join(CHANGES)}.")
    needs_plane("invariance", images.shape)
    network, row = captured(model, images), CHANGES[change]
    names = list(network.layers)
    kept = list(dict.fromkeys((names[0], names[-1]) if layers is None else layers))
    amounts = tuple(row.amounts(images.shape[2]) if amounts is None else amounts)
    if change == "scaling" and min(amounts, default=1) <= 0:
        raise OptionError(
            "invariance: an image cannot be scaled to nothing.",
            "Give factors above 0; 1 changes nothing.",
            amounts=amounts,
        )
    size, count = affordable(network), len(images)
    chances = images.new_zeros(len(amounts), count)
    distances = {name: torch.zeros_like(chances) for name in kept}
    with torch.no_grad():
        for start in range(0, count, size):
            some = slice(start, min(start + size, count))
            scores, before = network.run(images[some], keep=kept)
            known = classes_of(scores, labels if labels is None else labels[some])
            for place, amount in enumerate(amounts):
                scores, after = network.run(row.apply(images[some], amount), keep=kept)
                chances[place, some] = scores.softmax(1).gather(1, known[:, None])[:, 0]
                for name in kept:
                    old, new = before[name].flatten(1), after[name].flatten(1)
                    distances[name][place, some] = (new - old).norm(dim=1) / old.norm(dim=1).clamp(min=1e-12)
                on_progress(start * len(amounts) + (place + 1) * len(known), count * len(amounts))
    return Invariance(change, row.unit, amounts, distances, chances)
