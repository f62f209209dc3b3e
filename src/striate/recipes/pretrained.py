"""The weights that training begins with: found by name or place, and matched to the network and the data."""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import safetensors.torch
import torch
from jaxtyping import Shaped
from torch import Tensor

from striate.data import Dataset, Preprocess, judged_by
from striate.errors import OptionError, WeightsError
from striate.evaluate.published import preprocess_of
from striate.evaluate.trained import load
from striate.models import MODELS, create, options_of
from striate.models.weights import OWN, WEIGHTS, Packed, own_weights, published, read_packed
from striate.models.weights.cache import digest_of
from striate.models.weights.fetch import prepared
from striate.models.weights.head import head_tensors, match
from striate.models.weights.kept import read_kept
from striate.models.weights.load import agreed
from striate.recipes.preparation import network_of, open_for
from striate.recipes.recipe import Recipe, words_for
from striate.recipes.table import recipe_for
from striate.train import Where

__all__ = ["Pretrained", "opened", "pretrained"]


@dataclass(frozen=True)
class Pretrained:
    """Weights to begin with.

    Args:
        name: A name, or an absolute path.
        sha256: Of the safetensors file that holds just these weights.
        model: The network that they are of.
        options: Those of the network's own that it was built with.
        classes: Names of the classes that it tells apart; where nobody told them, how many.
        preprocess: What makes an image its input; of weights that are fitted, what does so in training.
        tensors: The weights, by name.
        left_out: Tensors of the network in training that keep their first values.
    """

    name: str
    sha256: str
    model: str
    options: Mapping[str, Any]
    classes: tuple[str, ...] | int
    preprocess: Preprocess
    tensors: Mapping[str, Shaped[Tensor, "..."]]
    left_out: tuple[str, ...] = ()

    def settle(self, recipe: Recipe, usual: Recipe) -> Recipe:
        """Fill in what the recipe leaves open: size and channels of the images, and the network's own options.

        How pictures are brought to that size is the weights' as well, unless the recipe departs from the usual one.

        Raises:
            OptionError: The recipe asks for another network than the weights were trained in.
        """
        ours, known = recipe.data, self.preprocess
        trained = replace(recipe, options=words_for(self.options)).network_options  # as a recipe reads them
        options, usually = agreed(f"{self.model} {self.name}", trained, recipe.network_options), options_of(self.model)
        return recipe.changed(
            weights=self.name,
            image_size=ours.image_size or known.image_size,
            channels=ours.channels or known.channels,
            resize=known.resize if ours.resize == usual.data.resize else ours.resize,
            enlarge=known.enlarge if ours.enlarge == usual.data.enlarge else ours.enlarge,
            options=words_for({name: value for name, value in options.items() if value != usually.get(name)}),
        )

    def fitted(self, recipe: Recipe, dataset: Dataset) -> "Pretrained":
        """Match the weights to the network that the recipe and the data ask for; other classes take a new last stage.

        Mean and deviation stay those that the weights know; all else that makes an image the input is the data's.

        Raises:
            WeightsError: They do not fit.
        """
        asked = network_of(dataset, recipe)
        with torch.device("meta"):
            model = create(recipe.model, **asked)
        same = self.classes in (dataset.classes, len(dataset.classes))
        left_out = () if same else head_tensors(model, (asked["in_channels"], *asked["image_size"]))
        found = match(model, self.tensors, source=self.name, left_out=left_out)
        seen = replace(dataset.preprocess, mean=self.preprocess.mean, std=self.preprocess.std)
        return replace(self, tensors=found.tensors, left_out=found.left_out, preprocess=seen)

    def to_json(self) -> dict[str, Any]:
        """Say what a run began with."""
        return {"name": self.name, "sha256": self.sha256, "left_out": list(self.left_out)}

    def __str__(self) -> str:
        p = self.preprocess
        size, of = (" x ".join(str(round(side * times)) for side in p.image_size) for times in (1, p.enlarge))
        kind, middle = "grey" if p.channels == 1 else "colour", f", the middle of {of}" if p.enlarge > 1 else ""
        fresh = f"; left out, for the classes are others: {', '.join(self.left_out)}" if self.left_out else ""
        return (
            f"weights {self.name}: {len(self.tensors)} tensors loaded{fresh}\n"
            f"{kind} pictures of {size} pixels{middle}: resize={p.resize}, enlarge={p.enlarge:.4g}; "
            "normalised for the weights"
        )


def opened(data: str | Path, recipe: Recipe, where: Where) -> tuple[Dataset, Recipe, Pretrained | None]:
    """Open the data for a recipe and the weights that it begins with.

    Returns:
        The data as the weights know it; the recipe with all that they settle; the weights, matched to both.

    Raises:
        StriateError: Data, recipe and weights do not go together, or one of them is not there.
    """
    first = pretrained(recipe)
    if not first:
        return open_for(data, recipe, where), recipe, None
    recipe = first.settle(recipe, recipe_for(recipe.model, str(data)))
    dataset = open_for(data, recipe, where)
    first = first.fitted(recipe, dataset)
    return judged_by(dataset, dataset.classes, first.preprocess), recipe, first


def pretrained(recipe: Recipe) -> Pretrained | None:
    """Find the weights that a recipe asks for, if it asks for any.

    Raises:
        OptionError: There are none of that name, or they are of another network.
        RunError: The folder is no run, or holds no whole checkpoint.
        WeightsError: The file is damaged.
    """
    name = recipe.train.weights
    if not name:
        return None
    for accepts, read in _SOURCES:
        if accepts(recipe.model, name):
            found = read(recipe.model, name)
            break
    else:
        known = [*OWN.get(recipe.model, ()), *(row.name for row in WEIGHTS if row.model == recipe.model)]
        raise OptionError(
            f"train: there are no weights called {name!r} for {recipe.model}.",
            "Name a run's folder, or a .safetensors file that `striate pack` wrote"
            + (f", or one of: {', '.join(known)}." if known else "."),
            weights=name,
        )
    if found.model != recipe.model:
        raise OptionError(
            "train: the weights are of another network.",
            f"Train that one, --model {found.model}, or name other weights.",
            weights=found.name,
            of=found.model,
            model=recipe.model,
        )
    return found


def _of_run(model: str, path: str) -> Pretrained:
    trained = load(path)
    tensors = {name: tensor.detach().contiguous() for name, tensor in trained.model.state_dict().items()}
    sha256 = hashlib.sha256(safetensors.torch.save(tensors)).hexdigest()
    network = dict(trained.about["network"])
    classes, place = trained.task.classes, str(Path(path).resolve())
    return Pretrained(place, sha256, network["name"], _own(network), classes, trained.preprocess, tensors)


def _of_file(model: str, path: str) -> Pretrained:
    packed = read_packed(path)
    return _unpacked(str(Path(path).resolve()), packed)


def _of_package(model: str, name: str) -> Pretrained:
    return _unpacked(name, own_weights(model, name))


def _published(model: str, name: str) -> Pretrained:
    """Read weights that are on this machine."""
    row = published(model, name)
    path, tensors = prepared(row), read_kept(row)
    return Pretrained(name, digest_of(path, "sha256"), model, row.options, row.classes, preprocess_of(row), tensors)


def _unpacked(name: str, packed: Packed) -> Pretrained:
    card = packed.card
    try:
        preprocess = Preprocess.from_json(card.preprocess)
    except (OptionError, TypeError) as error:
        raise WeightsError(
            f"weights: the card of {name} does not say what makes a picture the input.",
            "Restore the two files that were written together.",
            reported=str(error).splitlines()[0],
        ) from error
    network = _own({"name": card.model, **card.network})
    return Pretrained(name, card.sha256, card.model, network, card.classes, preprocess, packed.tensors)


def _own(network: Mapping[str, Any]) -> dict[str, Any]:
    """Give the options that are the network's own, with their defaults where nothing was said."""
    given = {"name", "classes", "in_channels", "image_size"}
    usual = options_of(network["name"]) if network["name"] in MODELS else {}  # any other network is refused by its name
    return {**usual, **{key: value for key, value in network.items() if key not in given}}


# The first that accepts a name reads it: a name comes before a folder of that name, which is ./name.
_SOURCES: Final[tuple[tuple[Callable[[str, str], bool], Callable[[str, str], Pretrained]], ...]] = (
    (lambda model, name: name in OWN.get(model, ()), _of_package),
    (lambda model, name: any((model, name) == (row.model, row.name) for row in WEIGHTS), _published),
    (lambda model, name: os.path.isdir(name), _of_run),
    (lambda model, name: name.endswith(".safetensors"), _of_file),
)
