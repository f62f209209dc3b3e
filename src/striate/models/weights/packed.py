"""Weights with their card: `NAME.safetensors` and `NAME.json` beside it. No file of the two can run code."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
from jaxtyping import Shaped
from torch import Tensor

from striate.errors import WeightsError
from striate.models.weights.card import Card

__all__ = ["Packed", "read_packed"]


@dataclass(frozen=True)
class Packed:
    """Weights and what is known of them.

    Args:
        card: Network, classes, preprocessing, recipe, metrics, licence.
        tensors: The weights, by name.
    """

    card: Card
    tensors: Mapping[str, Shaped[Tensor, "..."]]


def read_packed(path: str | Path) -> Packed:
    """Read a file of weights and its card, and check the one by the other.

    Args:
        path: The file that ends in .safetensors.

    Raises:
        WeightsError: A file is missing or damaged, or the weights are not those of the card.

    Example:
        ``read_packed("lenet5-digits.safetensors").card.metrics["accuracy"]``
    """
    path = Path(path)
    content, card_path = _bytes(path), path.with_suffix(".json")
    try:
        document = json.loads(_bytes(card_path))
    except (ValueError, RecursionError):
        document = None
    card = Card.from_json(document, str(card_path))
    found = hashlib.sha256(content).hexdigest()
    if found != card.sha256:
        raise WeightsError(
            f"weights: {path} is not what its card tells of.",
            "Restore the two files that were written together.",
            expected=card.sha256,
            found=found,
        )
    try:
        return Packed(card, safetensors.torch.load(content))
    except (safetensors.SafetensorError, KeyError, RuntimeError, TypeError) as error:  # the last two: absurd shapes
        raise WeightsError(
            f"weights: {path} is not a safetensors file.",
            "Only safetensors and JSON are read here: a pickle could run code.",
            reported=str(error).splitlines()[0],
        ) from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # a name may hold what no system takes
        raise WeightsError(
            f"weights: {path} cannot be read: {getattr(error, 'strerror', None) or error}.",
            "Name the .safetensors file that `striate pack` wrote; its card, .json, lies beside it.",
        ) from error
