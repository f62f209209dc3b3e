"""Whether a network knows that parts of different images correspond: does hiding them change its features alike?

Source:
    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.4 and table 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate.errors import ShapeError
from striate.explain.layers import Network, captured, needs_plane

__all__ = ["Correspondence", "Part", "correspondence", "random_parts"]

Part = tuple[int, int, int, int]
"""A box of an image: its top row, its left column, its height and its width, in input samples."""


@dataclass(frozen=True)
class Correspondence:
    """How alike the changes are, layer by layer.

    Args:
        distances: By layer, for each two images the share of units whose sign of change differs.
    """

    distances: Mapping[str, Float[Tensor, " P"]]

    @property
    def mean(self) -> dict[str, float]:
        """Of all pairs: the lower, the more alike.

        It counts only beside that of random parts, for most units of a rectified layer change in no image.
        """
        return {name: float(values.mean()) for name, values in self.distances.items()}

    @property
    def error(self) -> dict[str, float]:
        """Standard error of the mean, taking pairs for independent."""
        return {name: float(v.std() / len(v) ** 0.5) if len(v) > 1 else 0.0 for name, v in self.distances.items()}


def correspondence(
    model: nn.Module | Network,
    images: Float[Tensor, "N C H W"],
    parts: Sequence[Part],
    layers: Sequence[str],
    *,
    fill: float = 0.0,
) -> Correspondence:
    """Hide one part of each image, and compare the signs of what that changes between images.

    Args:
        model: Any module that takes images, or one that is captured already; it is not changed.
        images: Two or more, as the network takes them.
        parts: The box to be hidden in each image, such as the left eye of each dog.
        layers: Whose features are compared.
        fill: What the box is filled with; 0 is the training pictures' mean.

    Raises:
        OptionError: There is no such layer; the message lists those that there are.
        ShapeError: There are fewer than two images, not one part for each, or one outside
            its image; or the images have not two spatial axes.

    Example:
        >>> image, net = torch.rand(1, 1, 8, 8) + 1, nn.Sequential(nn.Conv2d(1, 4, 3))
        >>> correspondence(net, image.repeat(2, 1, 1, 1), [(2, 2, 3, 3)] * 2, ["0"]).mean  # the same part twice
        {'0': 0.0}
    """
    needs_plane("correspondence", images.shape)
    if len(images) < 2 or len(parts) != len(images):
        raise ShapeError(
            "correspondence: it takes two images or more, and one part of each.",
            "Pass as many parts as images.",
            images=len(images),
            parts=len(parts),
        )
    rows, columns = images.shape[2:]
    for top, left, height, width in parts:
        inside = 0 <= top < top + height <= rows and 0 <= left < left + width <= columns
        if not inside:
            raise ShapeError(
                "correspondence: a part lies outside its image.",
                "Pass its top row, left column, height and width, all of it inside.",
                part=(top, left, height, width),
                image=(rows, columns),
            )
    network = captured(model, images)
    hidden = images.clone()
    for image, (top, left, height, width) in zip(hidden, parts, strict=True):
        image[:, top : top + height, left : left + width] = fill
    with torch.no_grad():
        before, after = network.values(images, layers), network.values(hidden, layers)
    distances: dict[str, Tensor] = {}
    for name in layers:
        signs = (before[name] - after[name]).sign().flatten(1)
        pairs = [(signs[i] != signs[j]).float().mean() for i, j in combinations(range(len(signs)), 2)]
        distances[name] = torch.stack(pairs)
    return Correspondence(distances)


def random_parts(count: int, image_size: tuple[int, int], part_size: tuple[int, int], *, seed: int = 0) -> list[Part]:
    """Draw boxes anywhere in images: what parts that correspond are to be compared with.

    Args:
        count: Of images.
        image_size: Height and width in samples.
        part_size: Of each box, likewise.
        seed: Another number gives other boxes.

    Example:
        >>> len(random_parts(3, (32, 32), (8, 8)))
        3
    """
    draw = torch.Generator().manual_seed(seed)
    most = [max(1, whole - part + 1) for whole, part in zip(image_size, part_size, strict=True)]
    corners = [[int(torch.randint(n, (1,), generator=draw)) for n in most] for _ in range(count)]
    return [(top, left, *part_size) for top, left in corners]
