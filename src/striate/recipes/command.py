"""The command that repeats a run."""

import dataclasses
import shlex

from striate.recipes.recipe import Recipe

__all__ = ["train_command"]


def train_command(data: str, recipe: Recipe, default: Recipe) -> str:
    """Write the command that trains `recipe`: the network, and what differs from the network's own recipe.

    Example:
        >>> default = Recipe()
        >>> train_command("digits", default.changed(epochs=3, flip=True, image_size=(16, 16)), default)
        'striate train digits --model lenet5 --image-size 16 16 --flip --epochs 3'
    """
    words = ["striate", "train", data, "--model", recipe.model]
    for part in ("data", "augment", "train"):
        ours, theirs = (dataclasses.asdict(getattr(which, part)) for which in (recipe, default))
        for name, value in ours.items():
            if value != theirs[name]:
                words += _flag(name.replace("_", "-"), value)
    if recipe.options != default.options:
        words += _flag("options", recipe.options)
    return shlex.join(words)


def _flag(name: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    values = value if isinstance(value, tuple | list) else [value]
    return [f"--{name}", *map(str, values)]
