"""Layers: each owns its parameters and makes one call."""

from striate.nn.classifier import Classifier
from striate.nn.shortcut import PadShortcut

__all__ = ["Classifier", "PadShortcut"]
