"""Weights that networks begin with: those that come with the package, those that a run has packed."""

from striate.models.weights.card import Card
from striate.models.weights.own import OWN, own_weights
from striate.models.weights.packed import Packed, read_packed

__all__ = ["OWN", "Card", "Packed", "own_weights", "read_packed"]
