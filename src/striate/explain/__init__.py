"""Looking into networks: what each layer has learnt, and what an answer rests on."""

from striate.explain.explanation import Explanation, Reading
from striate.explain.layers import Layer, Network, capture

__all__ = ["Explanation", "Layer", "Network", "Reading", "capture"]
