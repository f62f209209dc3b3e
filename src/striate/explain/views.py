"""The strongest activations as pictures: the patch that a unit saw, beside what of it made the unit respond."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate.explain.deconvnet import project, unit_index
from striate.explain.layers import Network, captured
from striate.explain.pictures import Images
from striate.explain.top_activations import Strongest, TopActivations
from striate.ops.unpool import Overlap, check_overlap

__all__ = ["View", "views"]


@dataclass(frozen=True)
class View:
    """One strong response.

    Args:
        layer: The layer's name.
        feature: The feature map.
        rank: 0 for the strongest.
        response: Its value, and where it is.
        box: The part of the image that the unit sees: rows, columns.
        patch: That part of the image, as the network takes it.
        projection: The deconvnet's view of it, on the same pixels.
    """

    layer: str
    feature: int
    rank: int
    response: Strongest
    box: tuple[slice, ...]
    patch: Float[Tensor, "C h w"]
    projection: Float[Tensor, "C h w"]


def views(
    model: nn.Module | Network,
    images: Images,
    top: TopActivations,
    layer: str,
    features: Sequence[int] | None = None,
    *,
    overlap: Overlap = "max",
    batch_size: int = 32,
) -> Iterator[View]:
    """Show the strongest responses of features of a layer, one after the other, the strongest of each feature first.

    Args:
        model: The network that they were found in, or the same captured.
        images: In which they were found.
        top: What was found.
        layer: A layer that was looked at.
        features: Which; None for all.
        overlap: As for `deconvnet`.
        batch_size: Images that are projected at once.

    Raises:
        CaptureError: The model cannot be captured.
        OptionError: The layer was not looked at, has no such feature, or there is no such way to treat overlaps.

    Source:
        Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 4, figure 2.

    Example:
        >>> from striate.explain.top_activations import top_activations
        >>> net, images = nn.Conv2d(1, 4, 3), torch.rand(6, 1, 8, 8)
        >>> top = top_activations(net, images, k=2)
        >>> [(v.feature, v.rank, tuple(v.patch.shape)) for v in views(net, images, top, "conv2d", [3])]
        [(3, 0, (1, 3, 3)), (3, 1, (1, 3, 3))]
    """
    check_overlap("views", overlap)
    network = captured(model, images[[0]])
    chosen = range(network.layer(layer).shape[0]) if features is None else features
    wanted = iter([(f, rank, each) for f in chosen for rank, each in enumerate(top.of(layer, f))])
    while batch := list(islice(wanted, batch_size)):
        yield from _shown(network, images, layer, batch, overlap)


def _shown(
    network: Network, images: Images, name: str, batch: Sequence[tuple[int, int, Strongest]], overlap: Overlap
) -> Iterator[View]:
    layer = network.layer(name)
    seen = images[[response.image for _, _, response in batch]]
    features = torch.tensor([feature for feature, _, _ in batch])
    places = torch.tensor([unit_index(layer, response.unit) for _, _, response in batch])
    down = project(network, seen, layer, lambda _: (features, places), overlap=overlap).values
    for (feature, rank, response), image, projection in zip(batch, seen, down, strict=True):
        box = network.sees(name, response.unit)
        rows = (slice(None), *box)
        yield View(name, feature, rank, response, box, image[rows], projection[rows])
