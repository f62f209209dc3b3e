"""Occlusion: a grey square is moved over the image, and what it covers is what is missed.

Source:
    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2 and figure 7.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Final

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from striate.errors import OptionError
from striate.explain.explanation import Explanation, Reading
from striate.explain.layers import Network, captured, needs_plane
from striate.explain.target import Target, classes_of, told

__all__ = ["READING", "Cover", "occlusion"]

# Images that run at once: more gain no speed, and need memory.
_AT_ONCE: Final = 64

READING: Final = Reading(
    signed=True,
    normalised="divided by the picture's greatest size, around 0",
    legend="red: covering this place lowers what is explained; blue: covering it raises it",
    caption="A square is moved over the image; each place shows how far the value falls, on average, while it is "
    "covered. The map is as coarse as the square. Parts that can stand in for each other show weakly, because the "
    "square never covers both.",
    assumption="A covered part is like an absent one. The square itself is something that the network has hardly ever "
    "seen, so some of the fall may be the square's doing.",
    sanity="Randomised weights change the picture: it asks only what the network answers, and uses no gradient.",
)


@dataclass(frozen=True)
class Cover:
    """The square that is moved over the image.

    Args:
        size: Its side in input samples; 0 for about a sixth of the image's shorter side.
        stride: Input samples from one place to the next; 0 for half of the size.
        fill: What it is made of, in the network's input: 0 is the training pictures' mean, the paper's grey.

    Raises:
        OptionError: A number is below 0.
    """

    size: int = 0
    stride: int = 0
    fill: float = 0.0

    def __post_init__(self) -> None:
        if self.size < 0 or self.stride < 0:
            raise OptionError(
                "occlusion: a square's size and stride are not below 0.",
                "Pass input samples, or 0 for the usual ones.",
                size=self.size,
                stride=self.stride,
            )

    def places(self, height: int, width: int) -> list[tuple[slice, slice]]:
        """List where it lies, row by row; the last ones may reach over the border.

        >>> [(r.start, c.start) for r, c in Cover(2, 2).places(3, 4)]
        [(0, 0), (0, 2), (2, 0), (2, 2)]
        """
        size = self.size or max(1, round(min(height, width) / 6))
        stride = self.stride or max(1, size // 2)
        rows, columns = (
            [slice(i * stride, i * stride + size) for i in range(max(0, ceil((side - size) / stride)) + 1)]
            for side in (height, width)
        )
        return [(row, column) for row in rows for column in columns]


def occlusion(
    model: nn.Module | Network,
    images: Float[Tensor, "N C H W"],
    target: Target = None,
    *,
    layer: str | None = None,
    feature: int | None = None,
    cover: Cover | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Explanation:
    """Say how far a class's probability, or a feature map's activity, falls when each place is covered.

    Args:
        model: Any module that gives one score a class, or one that is captured already; it is not changed.
        images: As the network takes them: normalised.
        target: The class, one for all images or one for each; None for the one that each image is taken for.
        layer: Explain a feature map of this layer instead of a class: the sum over its positions, as in figure 7b.
        feature: Which map; None for the one that is the strongest in each whole image.
        cover: The square.
        on_progress: Called with the places done and all places.

    Returns:
        Values of `N 1 H W`: the mean fall over all places of the square that cover a sample. With a stride of 1 and a
        square of one sample it is the fall itself.

    Raises:
        ShapeError: The images have not two spatial axes.
        OptionError: There is no image, no such class, layer or map; or both a class and a map are asked for.

    Example:
        >>> sees = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))  # only its first sample tells the classes apart
        >>> _ = sees[1].weight.data.zero_()[0, 0] = 5.0
        >>> found = occlusion(sees, torch.ones(1, 1, 2, 2), 0, cover=Cover(1, 1))
        >>> (found.values[0, 0] > 0.3).tolist()
        [[True, False], [False, False]]
    """
    needs_plane("occlusion", images.shape)
    if not len(images):
        raise OptionError("occlusion: there is no image.", "Pass one at least.", images=tuple(images.shape))
    network, cover = captured(model, images), cover or Cover()
    measure, said = _measure(network, images, target, layer, feature)
    places = cover.places(*images.shape[2:])
    fall = images.new_zeros(len(images), 1, *images.shape[2:])
    times = torch.zeros_like(fall[:1])
    step = max(1, _AT_ONCE // len(images))
    with torch.no_grad():
        whole = measure(images, torch.arange(len(images)))
        for first in range(0, len(places), step):
            some = places[first : first + step]
            covered = images.repeat(len(some), 1, 1, 1).unflatten(0, (len(some), len(images)))
            for i, (rows, columns) in enumerate(some):
                covered[i, :, :, rows, columns] = cover.fill
            found = measure(covered.flatten(0, 1), torch.arange(len(images)).repeat(len(some)))
            for (rows, columns), value in zip(some, found.view(len(some), -1), strict=True):
                fall[:, :, rows, columns] += (whole - value).view(-1, 1, 1, 1)
                times[:, :, rows, columns] += 1
            on_progress(min(first + step, len(places)), len(places))
    # Where a stride is larger than the square, some samples are never covered.
    return Explanation("occlusion", fall / times.clamp(min=1), said, whole, READING)


Measure = Callable[[Float[Tensor, "M C H W"], Int64[Tensor, " M"]], Float[Tensor, " M"]]


def _measure(
    network: Network, images: Float[Tensor, "N C H W"], target: Target, layer: str | None, feature: int | None
) -> tuple[Measure, str]:
    """Give what is measured of copies of the images, told which image each copy is of; and its name in words."""
    if layer is None:
        return _of_class(network, images, target, feature)
    if target is not None:
        raise OptionError(
            "occlusion: a class and a layer's map are two questions.", "Ask one: leave out target, or layer."
        )
    with torch.no_grad():
        whole = network.values(images, [layer])[layer]
    whole = whole.flatten(2) if whole.ndim > 2 else whole[..., None]
    if feature is not None and not 0 <= feature < whole.shape[1]:
        raise OptionError(f"occlusion: there is no map {feature}.", f"Choose from 0 to {whole.shape[1] - 1}.")
    maps = whole.amax(2).argmax(1) if feature is None else torch.full((len(images),), feature, device=images.device)
    name = "its strongest map" if feature is None else f"map {feature}"

    def activity(x: Float[Tensor, "M C H W"], of: Int64[Tensor, " M"]) -> Float[Tensor, " M"]:
        found = network.values(x, [layer])[layer]
        found = found.flatten(2).sum(2) if found.ndim > 2 else found
        return found.gather(1, maps[of, None])[:, 0]

    return activity, f"{layer}, {name}: the sum of its units"


def _of_class(
    network: Network, images: Float[Tensor, "N C H W"], target: Target, feature: int | None
) -> tuple[Measure, str]:
    if feature is not None:
        raise OptionError("occlusion: a map needs its layer.", "Name the layer, or leave feature out.", feature=feature)
    with torch.no_grad():
        scores = network.run(images)[0]
    classes = classes_of(scores, target)
    name = "the predicted class" if target is None else told(classes)

    def probability(x: Float[Tensor, "M C H W"], of: Int64[Tensor, " M"]) -> Float[Tensor, " M"]:
        return network.run(x)[0].softmax(1).gather(1, classes[of, None])[:, 0]

    return probability, f"the probability of {name}"
