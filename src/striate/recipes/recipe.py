"""A recipe: everything that decides a run's result, as one frozen value that JSON can carry."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from striate.data import DataOptions
from striate.data.transforms import Augment
from striate.errors import OptionError
from striate.models import MODELS
from striate.train import TrainOptions

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """What to train, on what, how.

    Args:
        model: A network's name; `striate models` lists them.
        data: How the images are read and split.
        augment: How training images are changed.
        train: How the weights are found.

    Raises:
        OptionError: No network has that name; the message lists those that exist.
    """

    model: str = "lenet5"
    data: DataOptions = field(default_factory=DataOptions)
    augment: Augment = field(default_factory=Augment)
    train: TrainOptions = field(default_factory=TrainOptions)

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise OptionError(
                f"recipe: no model is called {self.model!r}.", f"Choose one of: {', '.join(MODELS)}.", model=self.model
            )

    def changed(self, **changes: Any) -> "Recipe":
        """Replace settings by name, whichever part they belong to.

        Raises:
            OptionError: No part has such a setting; the message lists those that exist.

        Example:
            >>> Recipe().changed(epochs=3, flip=True).train.epochs
            3
        """
        owner = {name: part for part in _PARTS for name in _names(getattr(self, part))}
        unknown = [name for name in changes if name not in owner]
        if unknown:
            raise OptionError(
                f"recipe: no setting is called {', '.join(map(repr, unknown))}.",
                f"Choose from: {', '.join(owner)}.",
                model=self.model,
            )
        parts = {
            part: dataclasses.replace(
                getattr(self, part), **{name: value for name, value in changes.items() if owner[name] == part}
            )
            for part in _PARTS
        }
        return dataclasses.replace(self, **parts)

    def to_json(self) -> dict[str, Any]:
        """Give the recipe as plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Recipe":
        """Build the recipe that `to_json` gave.

        Raises:
            OptionError: It has a setting that this version does not know.

        Example:
            >>> recipe = Recipe().changed(epochs=3)
            >>> Recipe.from_json(recipe.to_json()) == recipe
            True
        """
        settings = {
            name: tuple(value) if isinstance(value, list) else value
            for part in _PARTS
            for name, value in document.get(part, {}).items()
        }
        return cls(model=str(document["model"])).changed(**settings)


_PARTS = ("data", "augment", "train")


def _names(part: Any) -> list[str]:
    return [setting.name for setting in dataclasses.fields(part)]
