"""Recipes by name: how each network is trained, and how on the data that comes with the package.

To add one: write a function that returns it, add one line to the table.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from striate.errors import OptionError
from striate.models import MODELS
from striate.recipes.recipe import Recipe

__all__ = ["RECIPES", "chosen", "recipe_for"]


def lenet5(name: str) -> Recipe:
    """LeNet-5, in either form, with a present-day optimiser; the paper's schedule belongs to its own criterion."""
    return Recipe(name).changed(
        optimizer="adamw", learning_rate=3e-3, weight_decay=1e-2, epochs=30, batch_size=32, average_decay=0.99
    )


def lenet5_digits(name: str) -> Recipe:
    """LeNet-5 on the 1,797 digits: small shifts, turns and sizes stand in for the samples that are missing."""
    return lenet5(name).changed(rotate=12.0, zoom=0.12, shift=0.08)


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


def alexnet(name: str) -> Recipe:
    """AlexNet, in any of its forms, as its paper trains it.

    Departs from the paper:
        - Colours are normalised by the training part's mean and deviation a channel; the paper subtracts the mean of
          each pixel, and divides by nothing.
        - Weight decay pulls at kernels and matrices, not at biases, as its authors' program does (cuda-convnet's `wc`);
          the text has one update rule for all weights.
        - The velocity is PyTorch's, to which the rate is applied outside; the paper's has the rate inside. They differ
          for some steps after the rate has changed.
        - "Stopped improving" is five epochs without a better validation; the authors judged by eye.

    Source:
        Krizhevsky et al., NIPS 2012, sections 2, 4.1 and 5: shorter side 256, its middle 256 x 256, of which random
        pieces, half of them mirrored; colour noise of 0.1; batches of 128, momentum 0.9, weight decay 5e-4, rate 0.01
        divided by 10 when validation stops improving, three times; about 90 epochs.
    """
    times = 256 / min(MODELS[name].image_size)
    return Recipe(name).changed(
        enlarge=times,
        random_crop=(times, times),
        flip=True,
        color_noise=0.1,
        epochs=90,
        batch_size=128,
        learning_rate=0.01,
        momentum=0.9,
        weight_decay=5e-4,
        schedule="plateau",
        warmup_epochs=0.0,
    )


def zfnet(name: str) -> Recipe:
    """ZFNet, in either of its forms, as its paper trains it.

    Departs from the paper:
        - Pieces are taken anywhere in the middle 256 x 256; the paper takes the corners and the middle alone.
        - Colours are normalised as in `alexnet`, so inputs are about -2 to 2; the paper's were about -128 to 128, and
          the limit of the filters counts the more against small inputs.
        - Weight decay of 5e-4 and five epochs' patience are AlexNet's; the paper names neither.

    Source:
        Zeiler and Fergus, ECCV 2014, section 3: shorter side 256, its middle 256 x 256, pieces of 224 x 224, mirrored
        or not; batches of 128, momentum 0.9, rate 0.01 lowered by hand when validation plateaus; 70 epochs; filters
        whose root mean square exceeds 0.1 are scaled down to it.
    """
    return alexnet(name).changed(color_noise=0.0, epochs=70, filter_rms=0.1)


def resnet_imagenet(name: str) -> Recipe:
    """A ResNet for photographs, or its plain counterpart, as their paper trains them.

    Departs from the paper:
        - Colours are normalised by the training part's mean and deviation a channel; the paper subtracts the mean of
          each pixel, and divides by nothing.
        - The rate falls after 30 and 60 of 90 epochs; the paper's falls when the error plateaus, and its 60e4 steps of
          256 images are 120 epochs of ImageNet. `schedule="plateau"` with `epochs=120` is the text's.
        - Weight decay leaves biases and normalisation alone.

    Source:
        He et al., CVPR 2016, section 3.4: shorter side drawn from 256 to 480, pieces of 224 x 224 from anywhere, half
        of them mirrored, colour noise as AlexNet's; batches of 256, momentum 0.9, weight decay 1e-4, rate 0.1 divided
        by 10, no dropout.
    """
    shorter = min(MODELS[name].image_size)
    return Recipe(name).changed(
        resize="shorter",
        enlarge=256 / shorter,
        random_crop=(256 / shorter, 480 / shorter),
        flip=True,
        color_noise=0.1,
        epochs=90,
        batch_size=256,
        learning_rate=0.1,
        momentum=0.9,
        weight_decay=1e-4,
        schedule="step",
        milestones=(1 / 3, 2 / 3),
        warmup_epochs=0.0,
    )


# The networks of section 4.2, residual and plain: all that the paper draws for images of 32 x 32 pixels.
_CIFAR: Final = [
    name for name in MODELS if name.startswith(("resnet", "plain")) and MODELS[name].image_size == (32, 32)
]


def _of_paper(name: str) -> Callable[[], Recipe] | None:
    """Find the paper's recipe for a network, by its name and the size of its images; None if there is none here."""
    residual = resnet_cifar if name in _CIFAR else resnet_imagenet
    known: dict[str, Callable[[str], Recipe]] = {
        "lenet5": lenet5,
        "alexnet": alexnet,
        "zfnet": zfnet,
        "resnet": residual,
        "plain": residual,
    }
    found = next((recipe for start, recipe in known.items() if name.startswith(start)), None)
    return None if found is None else partial(found, name)


# By network, or by network and data.
RECIPES: Final[dict[str, Callable[[], Recipe]]] = {
    **{name: recipe for name in MODELS if (recipe := _of_paper(name))},
    **{f"{name}-digits": partial(lenet5_digits, name) for name in MODELS if name.startswith("lenet5")},
    **{f"{name}-digits": partial(resnet_digits, name) for name in _CIFAR},
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
