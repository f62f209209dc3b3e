"""What is predicted: one file per task, with its loss, its decoding and its counts."""

from striate.tasks.classification import Classification, Prediction

__all__ = ["Classification", "Prediction"]
