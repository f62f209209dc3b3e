"""Weights that come with the package: nothing is downloaded.

To add one: train, `striate pack RUN --out src/striate/models/weights/own/MODEL-NAME.safetensors`, add one line.
"""

from pathlib import Path
from typing import Final

from striate.errors import OptionError
from striate.models.weights.packed import Packed, read_packed

__all__ = ["OWN", "own_weights"]

# By network: the names of its weights.
OWN: Final[dict[str, tuple[str, ...]]] = {
    "lenet5": ("digits",),
    "resnet20": ("digits",),
}


def own_weights(model: str, name: str) -> Packed:
    """Read weights that come with the package.

    Args:
        model: The network's name.
        name: Of the weights.

    Raises:
        OptionError: There are none of that name for the network; the message lists those that there are.
        WeightsError: The package's files are damaged.

    Example:
        >>> own_weights("lenet5", "digits").card.data["samples"]["train"]
        1079
    """
    if name not in OWN.get(model, ()):
        there = [f"{name} for {model}" for model, names in OWN.items() for name in names]
        raise OptionError(
            f"weights: {model} has no weights called {name!r} in the package.",
            f"There are: {', '.join(there)}.",
        )
    return read_packed(Path(__file__).with_name(f"{model}-{name}.safetensors"))
