"""How features came about, as pictures: what excites a map most, projected by the network of one epoch after another.

Source:
    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, figure 4.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from striate.explain.evolution import Epoch, evolution, weights_of
from striate.explain.exciting import middle_of, piece
from striate.explain.gallery import Gallery
from striate.explain.rendering import enlarged, grey, sheet
from striate.explain.scene import Scene
from striate.explain.views import views
from striate.train import Run
from striate.train.scanning import scan_progress

__all__ = ["Evolved", "evolved"]

Pixels = UInt8[np.ndarray, "_ _ _"]

# Pictures that are searched in every epoch: enough for a map to find what it answers to.
_SEARCHED: Final = 256
# Of one epoch's projection on the page, in pixels a side.
_SIDE: Final = 72
_NOTHING: Final = 214


class Evolved(NamedTuple):
    """What the epochs show.

    Args:
        epochs: Their numbers.
        strips: By layer and map, the projections of these epochs in one row; pale where nothing excites the map.
    """

    epochs: tuple[int, ...]
    strips: Mapping[tuple[str, int], Pixels]


@dataclass(frozen=True)
class _Some:
    """Some of many pictures, evenly spread."""

    gallery: Gallery
    places: Sequence[int]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, indices: list[int]) -> Float[Tensor, "N C H W"]:
        return self.gallery[[self.places[i] for i in indices]]


def evolved(scene: Scene, gallery: Gallery | None, chosen: Mapping[str, Sequence[int]]) -> Evolved:
    """Show maps of layers as they were after each epoch that the run has kept; nothing if it kept fewer than two.

    Args:
        scene: The network, as it is now.
        gallery: The pictures; some of them are searched in every epoch.
        chosen: Maps, by layer.

    Raises:
        CheckpointError: A kept epoch is damaged.
    """
    run = scene.subject.home and Run(scene.subject.home)
    kept = run.checkpoints.kept if run else []
    if not run or not gallery or len(kept) < 2:
        return Evolved((), {})
    count = min(_SEARCHED, len(gallery))
    some = _Some(gallery, [i * len(gallery) // count for i in range(count)])
    rows: dict[tuple[str, int], list[Pixels]] = {(layer, map_): [] for layer in chosen for map_ in chosen[layer]}
    with scan_progress(scene.progress, what="going through the epochs") as told:
        for done, epoch in enumerate(evolution(scene.network, weights_of(run), some, list(chosen)), 1):
            for place, picture in _projections(epoch, some, chosen):
                rows[place].append(picture)
            told(done, len(kept))
    strips = {place: _strip(pictures) for place, pictures in rows.items()}
    for (layer, map_), strip in strips.items():
        scene.shelf.picture(f"{layer}/map-{map_:03}-epochs", strip)
    return Evolved(tuple(epoch for epoch, _ in kept), strips)


def _projections(
    epoch: Epoch, images: _Some, chosen: Mapping[str, Sequence[int]]
) -> Iterator[tuple[tuple[str, int], Pixels]]:
    for layer, maps in chosen.items():
        rows, columns = middle_of(epoch.network, layer)
        size = rows.stop - rows.start, columns.stop - columns.start
        for view in views(epoch.network, images, epoch.top, layer, maps):
            seen = grey(view.projection)
            cut = piece(seen, (slice(None), slice(None)), size)
            yield (layer, view.feature), cut if view.response.value > 0 else np.full_like(cut, _NOTHING)


def _strip(pictures: Sequence[Pixels]) -> Pixels:
    each = [np.asarray(enlarged(one, _SIDE).convert("RGB")) for one in pictures]
    return sheet(each, columns=len(each), gap=3, between=_NOTHING)
