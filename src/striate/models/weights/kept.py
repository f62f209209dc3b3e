"""Weights as they are kept: tensors under our names, as safetensors, and a card that vouches for them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from striate.errors import WeightsError
from striate.models.weights.cache import card_file, digest_of, placing, tensors_file, writing
from striate.models.weights.published import Published
from striate.models.weights.refusal import reason

__all__ = ["forget", "is_kept", "keep", "prove_kept", "read_kept"]


def is_kept(weights: Published) -> bool:
    """Whether the tensors are in the cache; whether they are whole, `prove_kept` says."""
    return tensors_file(weights).is_file() and card_file(weights).is_file()


def keep(weights: Published, tensors: Mapping[str, Tensor], source: Path) -> Path:
    """Write the tensors that came out of the published file `source`, and then the card.

    Raises:
        WeightsError: The cache cannot be written.
    """
    path = tensors_file(weights)
    with writing("keep weights", path):
        with placing(path) as temporary:
            safetensors.torch.save_file(dict(tensors), temporary)
        with placing(card_file(weights)) as temporary:
            temporary.write_text(json.dumps(_card(weights, source, path), indent=2) + "\n", encoding="utf-8")
    return path


def _card(weights: Published, source: Path, path: Path) -> dict[str, Any]:
    return {
        "model": weights.model,
        "weights": weights.name,
        "url": weights.url,
        "file": weights.file,
        "published": f"{weights.algorithm} {weights.digest}",
        "source_sha256": digest_of(source, "sha256"),
        "sha256": digest_of(path, "sha256"),
        "licence": weights.licence,
        "trained_on": weights.trained_on,
        "options": dict(weights.options),
    }


def prove_kept(weights: Published) -> Path:
    """Compare the tensors with their card.

    Raises:
        WeightsError: They are not what was converted, or the card is none, or of another published file.
    """
    path, card = tensors_file(weights), card_file(weights)
    try:
        said = json.loads(card.read_bytes())
        proof = said["sha256"], said["published"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(weights, card, reported=reason(error)) from error
    found = digest_of(path, "sha256"), f"{weights.algorithm} {weights.digest}"
    if proof != found:
        raise _damaged(weights, path, card=" of ".join(map(str, proof)), found=" of ".join(found))
    return path


def read_kept(weights: Published) -> dict[str, Tensor]:
    """Read the tensors, once they are proven.

    Raises:
        WeightsError: They are damaged.
    """
    path = prove_kept(weights)
    try:
        return safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, KeyError, RuntimeError, TypeError) as error:
        raise _damaged(weights, path, reported=reason(error)) from error


def forget(weights: Published) -> None:
    """Remove tensors and card; the card first, for it vouches."""
    for path in (card_file(weights), tensors_file(weights)):
        with writing("remove damaged weights", path):
            path.unlink(missing_ok=True)


def _damaged(weights: Published, path: Path, **received: object) -> WeightsError:
    return WeightsError(
        f"weights: {path.name} is damaged: it is not what was converted.",
        f"Fetch it again: striate weights get {weights.model} {weights.name}",
        path=path,
        **received,
    )
