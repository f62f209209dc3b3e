"""What excites a feature map, as pictures: pieces of images, and beside each its projection.

Source:
    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, figure 2.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from jaxtyping import Shaped, UInt8

from striate.explain.deconvnet import project, unit_index
from striate.explain.gallery import Gallery
from striate.explain.layers import Network
from striate.explain.rendering import enlarged, grey, photograph, sheet
from striate.explain.report import Exciting
from striate.explain.shelf import Shelf
from striate.explain.subject import Subject
from striate.explain.top_activations import TopActivations, affordable

__all__ = ["exciting", "middle_of", "piece"]

# Of one piece on the page, in pixels a side.
_SIDE: Final = 72
_NOTHING: Final = 214
# Images that are projected at once: all layers' values and gradients are held meanwhile.
_AT_ONCE: Final = 8

Pixels = UInt8[np.ndarray, "_ _ _"]


def exciting(
    subject: Subject,
    network: Network,
    gallery: Gallery,
    top: TopActivations,
    place: tuple[str, int],
    shelf: Shelf,
) -> Exciting | None:
    """Show one map of one layer: what excites it most among the pictures that were searched.

    Args:
        subject: The network.
        network: The same, captured.
        gallery: The pictures that were searched.
        top: What was found in them.
        place: The layer, and the map's number in it.
        shelf: Where pictures and arrays are kept.

    Returns:
        None if no picture excites it: it is never above zero.
    """
    layer, feature = place
    found = [one for one in top.of(layer, feature) if one.value > 0]
    if not found:
        return None
    where = network.layers[layer]
    rows, columns = middle_of(network, layer)  # a unit in the middle sees as much as any
    size = rows.stop - rows.start, columns.stop - columns.start
    pieces: list[Pixels] = []
    projections: list[Pixels] = []
    values: list[Shaped[np.ndarray, "h w C"]] = []
    at_once = min(_AT_ONCE, affordable(network))
    for start in range(0, len(found), at_once):
        some = found[start : start + at_once]
        images = torch.stack([gallery.read(one.image) for one in some])
        units = torch.tensor([unit_index(where, one.unit) for one in some])
        chosen = torch.full_like(units, feature), units
        down = project(network, subject.normalized(images), where, lambda maps, chosen=chosen: chosen).values
        for one, image, view in zip(some, images, down, strict=True):
            box = network.sees(layer, one.unit)  # beyond it a projection is zero
            pieces.append(piece(photograph(image), box, size))
            projections.append(piece(grey(view), box, size))
            values.append(piece(view.movedim(0, -1).numpy(), box, size, 0))
    patches, views = _sheet(pieces), _sheet(projections)
    name = f"{layer}/map-{feature:03}"
    shelf.picture(f"{name}-pieces", patches)
    shelf.picture(f"{name}-projections", views)
    shelf.array(f"{name}-projections", torch.from_numpy(np.stack(values)).movedim(-1, 1))
    sources = [gallery.name(one.image) for one in found]
    return Exciting(feature, patches, views, activations=[one.value for one in found], sources=sources)


def middle_of(network: Network, layer: str) -> tuple[slice, ...]:
    """Say which rows and columns of the image the unit in the middle of a layer's maps sees.

    Example:
        >>> from striate.explain.layers import capture
        >>> middle_of(capture(torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3)), torch.zeros(1, 1, 9, 9)), "0")
        (slice(3, 6, None), slice(3, 6, None))
    """
    return network.sees(layer, [side // 2 for side in network.layers[layer].shape[1:]])


def piece(
    pixels: Shaped[np.ndarray, "H W C"], box: Sequence[slice], size: tuple[int, int], nothing: int = _NOTHING
) -> Shaped[np.ndarray, "h w C"]:
    """Cut a piece out of a picture, and put it into the middle of a pale one of `size`: at borders it is smaller.

    Args:
        pixels: The picture, or values on its grid.
        box: Its rows and columns.
        size: Rows and columns of what is made.
        nothing: What is where the picture has ended.

    Example:
        >>> found = piece(np.zeros((8, 8, 1), np.uint8), (slice(0, 2), slice(0, 4)), (4, 4))
        >>> found[..., 0].tolist()
        [[214, 214, 214, 214], [0, 0, 0, 0], [0, 0, 0, 0], [214, 214, 214, 214]]
    """
    cut = pixels[box[0], box[1]]
    made = np.full((*size, pixels.shape[2]), nothing, pixels.dtype)
    top, left = (whole - part for whole, part in zip(size, cut.shape[:2], strict=True))
    made[top // 2 : top // 2 + cut.shape[0], left // 2 : left // 2 + cut.shape[1]] = cut
    return made


def _sheet(pieces: Sequence[Pixels]) -> Pixels:
    return sheet([np.asarray(enlarged(one, _SIDE).convert("RGB")) for one in pieces], gap=3, between=_NOTHING)
