"""Judging a network on images that it has not seen, and using it."""

from striate.evaluate.evaluation import Evaluation, evaluate, report
from striate.evaluate.metrics import Metrics, measure
from striate.evaluate.pack import pack
from striate.evaluate.predict import Predicted, predict
from striate.evaluate.protocol import Protocol
from striate.evaluate.trained import Trained, load

__all__ = [
    "Evaluation",
    "Metrics",
    "Predicted",
    "Protocol",
    "Trained",
    "evaluate",
    "load",
    "measure",
    "pack",
    "predict",
    "report",
]
