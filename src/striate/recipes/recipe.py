"""A recipe: everything that decides a run's result, as one frozen value that JSON can carry."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from striate.data import DataOptions
from striate.data.transforms import Augment
from striate.errors import OptionError
from striate.models import MODELS
from striate.train import TrainOptions

__all__ = ["Recipe", "words_for"]


@dataclass(frozen=True)
class Recipe:
    """What to train, on what, how.

    Args:
        model: A network's name; `striate models` lists them.
        data: How the images are read and split.
        augment: How training images are changed.
        train: How the weights are found.
        options: The network's own options, each as `name=value`; the value as in JSON, or else plain text.

    Raises:
        OptionError: No network has that name; the message lists those that exist. Or an option is not `name=value`.
    """

    model: str = "lenet5"
    data: DataOptions = field(default_factory=DataOptions)
    augment: Augment = field(default_factory=Augment)
    train: TrainOptions = field(default_factory=TrainOptions)
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise OptionError(
                f"recipe: no model is called {self.model!r}.", f"Choose one of: {', '.join(MODELS)}.", model=self.model
            )
        if wrong := [word for word in self.options if not all(word.partition("=")[:2])]:
            raise OptionError(
                "recipe: an option is a name and a value.",
                "Write it with = and no space: stride_on=3x3.",
                options=" ".join(wrong),
            )

    @property
    def network_options(self) -> dict[str, Any]:
        """The network's own options by name.

        Example:
            >>> Recipe(options=("shortcut=A", "width=2")).network_options
            {'shortcut': 'A', 'width': 2}
        """
        return {name: _value(text) for name, _, text in (word.partition("=") for word in self.options)}

    def changed(self, **changes: Any) -> "Recipe":
        """Replace settings by name, whichever part they belong to; a path is written down as an absolute one.

        Raises:
            OptionError: No part has such a setting; the message lists those that exist.

        Example:
            >>> Recipe().changed(epochs=3, flip=True).train.epochs
            3
        """
        changes = {name: str(value.absolute()) if isinstance(value, Path) else value for name, value in changes.items()}
        owner = {name: part for part in _PARTS for name in _names(getattr(self, part))} | {"options": ""}
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
        return dataclasses.replace(self, **parts, options=tuple(changes.get("options", self.options)))

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
        return cls(model=str(document["model"])).changed(**settings, options=document.get("options", ()))


_PARTS = ("data", "augment", "train")


def words_for(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Write a network's own options as a recipe holds them.

    Example:
        >>> words_for({"stride_on": "3x3", "width": 2, "version": "1"})
        ('stride_on=3x3', 'width=2', 'version="1"')
    """
    return tuple(
        f"{name}={value if isinstance(value, str) and _value(value) == value else json.dumps(value)}"
        for name, value in options.items()
    )


def _value(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return tuple(value) if isinstance(value, list) else value


def _names(part: Any) -> list[str]:
    return [setting.name for setting in dataclasses.fields(part)]
