"""Weights that the world has published: a table of them, a cache, and the way from one into a network.

Nothing is fetched unless `fetch` is called; nothing that is fetched is believed until its digest is the published one.
"""

from striate.models.weights.cache import folder
from striate.models.weights.check import Checked, check
from striate.models.weights.fetch import fetch
from striate.models.weights.load import Loaded, load_weights, trained_options
from striate.models.weights.published import Published, Transform
from striate.models.weights.table import WEIGHTS, published

__all__ = [
    "WEIGHTS",
    "Checked",
    "Loaded",
    "Published",
    "Transform",
    "check",
    "fetch",
    "folder",
    "load_weights",
    "published",
    "trained_options",
]
