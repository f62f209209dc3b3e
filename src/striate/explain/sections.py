"""The parts of the page, each made with a bar that says how far it is."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from jaxtyping import Float
from torch import Tensor

from striate.errors import OptionError, StriateError
from striate.explain.chart import lines
from striate.explain.evolving import evolved
from striate.explain.exciting import exciting, middle_of
from striate.explain.filters import filters
from striate.explain.gallery import Gallery
from striate.explain.invariance import CHANGES, invariance
from striate.explain.layers import Network
from striate.explain.objectives import unit
from striate.explain.optimization import Climb, maximise
from striate.explain.rendering import photograph
from striate.explain.report import Chart, Exciting, LayerShown, Pixels, Shown, Story
from striate.explain.scene import Named, Scene
from striate.explain.selection import convolutions
from striate.explain.shelf import Shelf
from striate.explain.stories import known_less, tell
from striate.explain.top_activations import TopActivations, affordable, top_activations
from striate.train.scanning import scan_progress

__all__ = ["charts_of", "layers_of", "stories_of"]

# Images that are made at once, whose gradients are held meanwhile.
_AT_ONCE: Final = 8


def stories_of(
    scene: Scene, images: Sequence[Named], methods: Sequence[str], layers: Sequence[str], *, sanity: bool = False
) -> list[Story]:
    """Explain images, one after the other; by the first one every method is checked as well."""
    made: list[Story] = []
    random = known_less(scene.network) if sanity and images else []
    total = (len(images) + len(random)) * len(methods)
    done = 0
    with scan_progress(scene.progress, what="explaining the images") as told:
        for i, image in enumerate(images):
            own = replace(scene, shelf=Shelf(scene.shelf.folder / f"image-{i + 1:02}"))
            networks = () if i else random

            def moved(n: int, *, done: int = done) -> None:
                told(done + n, total)

            made.append(tell(own, image, methods, layers, known_less=networks, on_progress=moved))
            done += (1 + len(networks)) * len(methods)
    return made


def charts_of(scene: Scene, images: Float[Tensor, "N C H W"]) -> list[Chart]:
    """Shift, enlarge and turn images, and draw how features and the class's probability follow; in pairs."""
    made: list[Chart] = []
    known = convolutions(scene.network)
    names = list(dict.fromkeys((*known[:1], *known[-1:], scene.network.output)))
    for change in CHANGES:
        with scan_progress(scene.progress, what=change) as told:
            x = scene.subject.normalized(images)
            found = invariance(scene.network, x, change, layers=names, on_progress=told)
        features = {name: values.mean(1).tolist() for name, values in found.distances.items()}
        chance = {"the class": found.probability.mean(1).tolist()}
        for what, rows, limit in (("distance of the features", features, None), ("probability", chance, 1.0)):
            drawing = lines(found.amounts, rows, label=what, unit=found.unit, limit=limit)
            made.append(Chart(f"{change.capitalize()}: {what}", drawing))
        for name, values in (*found.distances.items(), ("probability", found.probability)):
            scene.shelf.array(f"{change}/{name}", values)
    return made


def layers_of(
    scene: Scene, names: Sequence[str], gallery: Gallery | None, *, top: int, maps: int, steps: int
) -> list[LayerShown]:
    """Show layers: the first one's kernels, and of each some maps with what excites them and what they would like best.

    Args:
        scene: The network.
        names: Of the layers.
        gallery: The pictures that are searched; None for none.
        top: Pieces of pictures of each map.
        maps: Of each layer.
        steps: Of optimisation; 0 for none.
    """
    found = _searched(scene, names, gallery, top) if gallery else None
    chosen = {name: _spread(scene.network.layers[name].shape[0], maps) for name in names}
    epochs = evolved(scene, gallery, chosen)
    made: list[LayerShown] = []
    for place, name in enumerate(names):
        layer = scene.network.layers[name]
        features = chosen[name]
        wished = _wished(scene, name, features, steps)
        shown: list[Exciting] = []
        with scan_progress(scene.progress, what=f"projecting {name}") as told:
            for done, feature in enumerate(features, 1):
                one = None
                if gallery and found:
                    one = exciting(scene.subject, scene.network, gallery, found, (name, feature), scene.shelf)
                shown.append(
                    replace(
                        one or Exciting(feature),
                        wished=wished.get(feature),
                        epochs=epochs.strips.get((name, feature)),
                    )
                )
                told(done, len(features))
        kernels = _kernels(scene, name) if place == 0 else None
        worth = [one for one in shown if one.patches is not None or one.wished is not None]
        size = " x ".join(map(str, layer.shape))
        made.append(
            LayerShown(
                name, layer.kind, size, _sees(scene.network, name), kernels, worth, layer.shape[0], epochs.epochs
            )
        )
    return made


def _spread(count: int, most: int) -> list[int]:
    """Choose so many of `count` maps, evenly."""
    return sorted({round(i * (count - 1) / max(1, most - 1)) for i in range(min(most, count))})


def _searched(scene: Scene, names: Sequence[str], gallery: Gallery, top: int) -> TopActivations:
    """Search the pictures; what an interrupted search has found is in a file beside the pictures."""
    state = scene.shelf.folder / "search.safetensors"
    with scan_progress(scene.progress, what="searching the pictures") as told:
        search = partial(top_activations, scene.network, gallery, names, k=top, state=state, on_progress=told)
        try:
            return search()
        except OptionError:  # of another search, since layers, pictures or weights are no more what they were
            state.unlink(missing_ok=True)
            return search()


def _wished(scene: Scene, name: str, features: Sequence[int], steps: int) -> dict[int, Pixels]:
    if not steps:
        return {}
    rows, columns = middle_of(scene.network, name)  # of the rest it sees nothing
    at_once = min(_AT_ONCE, affordable(scene.network))
    made: dict[int, Pixels] = {}
    with scan_progress(scene.progress, what=f"optimising {name}") as told:
        for start in range(0, len(features), at_once):
            some = features[start : start + at_once]

            def moved(step: int, _: int, *, start: int = start, each: int = len(some)) -> None:
                told(start * steps + step * each, len(features) * steps)

            asked = [unit(name, feature) for feature in some]
            found = maximise(scene.network, asked, scene.subject.canvas, Climb(steps=steps), on_progress=moved)
            made |= {f: photograph(image[:, rows, columns]) for f, image in zip(some, found.images, strict=True)}
    for feature, picture in made.items():
        scene.shelf.picture(f"{name}/map-{feature:03}-optimised", picture)
    return made


def _kernels(scene: Scene, name: str) -> Shown | None:
    try:
        found = filters(scene.subject.model, name)
    except StriateError:  # a layer that convolves in a function, or with kernels of its own at every position
        return None
    picture = found.picture()
    scene.shelf.picture(f"{name}/kernels", picture)
    scene.shelf.array(f"{name}/kernels", found.weight)
    return Shown(picture, f"kernels of {name}", found.legend)


def _sees(network: Network, name: str) -> str:
    sizes = [part.stop - part.start for part in middle_of(network, name)]
    whole = sizes == list(network.input_size[1:])
    return (
        "the whole image" if whole else f"{sizes[0]} x {sizes[1]} of {network.input_size[1]} x {network.input_size[2]}"
    )
