"""Proving again what lies in the cache."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from striate.errors import WeightsError
from striate.models.weights.cache import published_file, tensors_file
from striate.models.weights.convert import prove
from striate.models.weights.kept import is_kept, prove_kept
from striate.models.weights.published import Published

__all__ = ["Checked", "check"]


@dataclass(frozen=True)
class Checked:
    """One file of the cache.

    Args:
        weights: The row that it belongs to.
        path: The file.
        problem: What is wrong with it; None if it is what it should be.
    """

    weights: Published
    path: Path
    problem: WeightsError | None


def check(rows: Sequence[Published]) -> list[Checked]:
    """Compare every file that is there with what is known of it; nothing is fetched, and nothing removed."""
    found: list[Checked] = []
    for weights in rows:
        if is_kept(weights):
            found.append(Checked(weights, tensors_file(weights), _problem(prove_kept, weights)))
        file = published_file(weights)
        if file.is_file():
            found.append(Checked(weights, file, _problem(prove, weights, file)))
    return found


def _problem(proof: Callable[..., object], *of: object) -> WeightsError | None:
    try:
        proof(*of)
    except WeightsError as error:
        return error
    return None
