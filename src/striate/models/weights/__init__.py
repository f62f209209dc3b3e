"""Weights to begin with: those in the package, those that a run has packed, and those that the world has published.

Nothing is fetched unless `fetch` is called; nothing that is fetched is believed until its digest is the published one.
"""

from striate.models.weights.cache import folder
from striate.models.weights.card import Card
from striate.models.weights.check import Checked, check
from striate.models.weights.fetch import fetch
from striate.models.weights.load import Loaded, load_packed, load_weights, trained_options
from striate.models.weights.own import OWN, own_weights
from striate.models.weights.packed import Packed, read_packed
from striate.models.weights.published import Published, Transform
from striate.models.weights.table import WEIGHTS, published

__all__ = [
    "OWN",
    "WEIGHTS",
    "Card",
    "Checked",
    "Loaded",
    "Packed",
    "Published",
    "Transform",
    "check",
    "fetch",
    "folder",
    "load_packed",
    "load_weights",
    "own_weights",
    "published",
    "read_packed",
    "trained_options",
]
