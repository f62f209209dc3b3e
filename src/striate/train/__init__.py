"""Training: a loop of our own, whose runs survive whatever stops them."""

from striate.train.checkpoint import Checkpoint, Checkpoints, read_checkpoint
from striate.train.device import device_named, placed
from striate.train.learner import Learner
from striate.train.log import Log, read_epochs
from striate.train.loop import Plan, Score, State, Validate, fit
from striate.train.options import TrainOptions
from striate.train.progress import Progress, Shown, progress_for
from striate.train.run import Run, create_run
from striate.train.where import Where

__all__ = [
    "Checkpoint",
    "Checkpoints",
    "Learner",
    "Log",
    "Plan",
    "Progress",
    "Run",
    "Score",
    "Shown",
    "State",
    "TrainOptions",
    "Validate",
    "Where",
    "create_run",
    "device_named",
    "fit",
    "placed",
    "progress_for",
    "read_checkpoint",
    "read_epochs",
]
