"""One image, explained: what the network says of it, which places count by each method, what each layer makes of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from striate.errors import OptionError
from striate.explain.explanation import Explanation
from striate.explain.feature_maps import feature_maps, picture_of
from striate.explain.layers import Network
from striate.explain.methods import METHODS
from striate.explain.rendering import overlay, photograph, sheet, way_of
from striate.explain.report import Pixels, Story, View
from striate.explain.sanity import likeness, shuffled
from striate.explain.scene import Named, Scene

__all__ = ["checked_methods", "known_less", "tell"]

_SAID: Final = 3
# What is less likely is not worth a line.
_LIKELY: Final = 0.001


def checked_methods(names: Sequence[str]) -> list[str]:
    """Give the methods that are asked for; all if none is named. A hyphen is as good as an underscore.

    Raises:
        OptionError: There is no such method; the message lists those that there are.

    Example:
        >>> checked_methods(["grad-cam"])
        ['grad_cam']
    """
    asked = [name.replace("-", "_") for name in names]
    unknown = [name for name in asked if name not in METHODS]
    if unknown:
        raise OptionError(
            f"explain: no method is called {', '.join(map(repr, unknown))}.", f"Choose from: {', '.join(METHODS)}."
        )
    return asked or list(METHODS)


def tell(
    scene: Scene,
    named: Named,
    methods: Sequence[str],
    layers: Sequence[str],
    *,
    known_less: Sequence[Network] = (),
    on_progress: Callable[[int], None] = lambda done: None,
) -> Story:
    """Explain one image; its pictures and arrays go to the scene's shelf.

    Args:
        scene: The network.
        named: The image.
        methods: Names of `METHODS`.
        layers: Whose maps are shown; the last one's strongest unit is what a deconvnet explains.
        known_less: The network with ever more of its weights shuffled: what they make of the image is shown beside.
        on_progress: Called with how many pictures are made.
    """
    subject, network, shelf = scene.subject, scene.network, scene.shelf
    name, truth, image = named
    x = subject.normalized(image[None])
    with torch.no_grad():
        probabilities = network.run(x)[0].softmax(1)[0]
    values, order = probabilities.topk(min(_SAID, len(subject.classes)))
    likeliest = [(subject.classes[k], p) for k, p in zip(order.tolist(), values.tolist(), strict=True)]
    said = [one for i, one in enumerate(likeliest) if i == 0 or one[1] >= _LIKELY]
    pixels = photograph(image)
    last = layers[-1] if layers else network.output
    views: list[View] = []
    for done, method in enumerate(methods, 1):
        ask = _question(method, network, x, last, int(order[0]))
        found = ask(network)
        others = [ask(random).values for random in known_less]
        view = replace(_view(method, found, said[0][0]), checked=_checked(method, found, others))
        views.append(view)
        shelf.picture(method, view.picture if view.laid is None else overlay(pixels, view.laid, view.way.opacity))
        shelf.array(method, found.values[0])
        if view.checked:
            shelf.picture(f"{method}-check", sheet([picture for picture, _ in view.checked], columns=len(others) + 1))
        on_progress(done * (1 + len(known_less)))
    maps = [(layer, picture_of(found[0])) for layer, found in feature_maps(network, x, layers).items()]
    shelf.picture("image", pixels)
    for layer, picture in maps:
        shelf.picture(f"maps/{layer}", picture)
    return Story(name, pixels, said, truth, views, maps)


def known_less(network: Network) -> list[Network]:
    """Shuffle the weights of a network's output, of its upper half, and of all of it; none if it has learnt nothing."""
    if not network.parameters:
        return []
    steps = [random for _, random in shuffled(network)]
    return [steps[place] for place in (0, max(0, len(steps) // 2 - 1), -1)]


def _question(
    method: str, network: Network, x: Float[Tensor, "1 C H W"], layer: str, predicted: int
) -> Callable[[Network], Explanation]:
    """Ask the same of any network: a deconvnet explains no class, but the strongest map of the last layer."""
    if method != "deconvnet":
        return lambda asked: METHODS[method](asked, x, predicted)
    with torch.no_grad():
        maps = network.values(x, [layer])[layer]
    strongest = int(maps[0].flatten(1).amax(1).argmax())
    return lambda asked: METHODS[method](asked, x, layer, strongest)


def _checked(
    method: str, found: Explanation, others: Sequence[Float[Tensor, "1 C H W"]]
) -> Sequence[tuple[Pixels, float]]:
    """Draw what networks that know less answer to the same question, each with its likeness to the first."""
    way = way_of(method, signed=found.reading.signed)
    all_ = [found.values, *others] if others else []
    return [(way.draw(values[0]), likeness(found.values, values)) for values in all_]


def _view(method: str, found: Explanation, predicted: str) -> View:
    values, way = found.values[0], way_of(method, signed=found.reading.signed)
    # A number says little where the classes have names; a deconvnet was asked for no class.
    unit = f"the strongest unit: {found.target}" if method == "deconvnet" else found.target
    target = f"the class {predicted}" if found.target.startswith("class") else unit
    return View(method, target, way.draw(values), way.laid(values), way, found.reading)
