"""Recipes by name: how each network is trained, and how on the data that comes with the package.

To add one: write a function that returns it, add one line to the table.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from striate.errors import OptionError
from striate.models import MODELS
from striate.recipes.recipe import Recipe

__all__ = ["RECIPES", "chosen", "recipe_for"]


def lenet5() -> Recipe:
    """LeNet-5 with a present-day optimiser; the paper's own schedule of rates belongs to its other output layer."""
    return Recipe("lenet5").changed(
        optimizer="adamw", learning_rate=3e-3, weight_decay=1e-2, epochs=30, batch_size=32, average_decay=0.99
    )


def lenet5_digits() -> Recipe:
    """LeNet-5 on the 1,797 digits: small shifts, turns and sizes stand in for the samples that are missing."""
    return lenet5().changed(rotate=12.0, zoom=0.12, shift=0.08)


def resnet_cifar(name: str) -> Recipe:
    """A CIFAR ResNet, or its plain counterpart, as their paper trains it.

    Source:
        He et al., CVPR 2016, section 4.2: batches of 128, momentum 0.9, weight decay 1e-4, rate 0.1 divided by 10
        after 32k and 48k of 64k steps, images padded by 4 and cropped, half of them mirrored.
    """
    return Recipe(name).changed(
        epochs=164,
        batch_size=128,
        learning_rate=0.1,
        weight_decay=1e-4,
        schedule="step",
        milestones=(0.5, 0.75),
        warmup_epochs=0.0,
        pad=4,
        flip=True,
    )


def resnet_digits(name: str) -> Recipe:
    """A CIFAR ResNet on the 1,797 digits, at twice their size: no mirroring, for digits have a left and a right."""
    return resnet_cifar(name).changed(
        image_size=(16, 16),
        epochs=18,
        batch_size=32,
        schedule="cosine",
        warmup_epochs=2.0,
        weight_decay=5e-4,
        average_decay=0.99,
        flip=False,
        pad=1,
        rotate=12.0,
        zoom=0.12,
    )


# The networks of section 4.2, residual and plain: all that the paper draws for images of 32 x 32 pixels.
_CIFAR: Final = [
    name for name in MODELS if name.startswith(("resnet", "plain")) and MODELS[name].image_size == (32, 32)
]

# By network, or by network and data.
RECIPES: Final[dict[str, Callable[[], Recipe]]] = {
    "lenet5": lenet5,
    "lenet5-digits": lenet5_digits,
    **{name: (lambda name=name: resnet_cifar(name)) for name in _CIFAR},
    **{f"{name}-digits": (lambda name=name: resnet_digits(name)) for name in _CIFAR},
}


def recipe_for(model: str, data: str) -> Recipe:
    """Find the recipe for a network on this data, or else for the network, or else the plain one.

    Raises:
        OptionError: No network has that name; the message lists those that exist.

    Example:
        >>> recipe_for("resnet20", "digits").data.image_size
        (16, 16)
    """
    recipe = RECIPES.get(f"{model}-{data}") or RECIPES.get(model)
    return recipe() if recipe else Recipe(model)


def chosen(recipe: Recipe | None, model: str | None, data: str | Path) -> Recipe:
    """Settle what a caller asked for by a recipe, by a network's name, by both or by neither.

    Raises:
        OptionError: The recipe is another network's, or no network has that name.
    """
    if recipe is None:
        return recipe_for(model or "lenet5", str(data))
    if model not in (None, recipe.model):
        raise OptionError(
            "train: the recipe is for another network.",
            "Pass the recipe or the network's name, or a recipe of that network: recipe_for(model, data).",
            model=model,
            recipe=recipe.model,
        )
    return recipe
