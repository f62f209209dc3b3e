"""Striate: convolutional neural networks on PyTorch."""

from striate import engine, errors, explain, nn, ops
from striate.compile.compiled import compile, load_program, save_program  # noqa: A004 - it is what PyTorch calls it
from striate.data import Augment, DataOptions, Dataset, Preprocess, describe, open_dataset, read_image
from striate.engine import accelerate, machine, restore
from striate.errors import (
    CaptureError,
    CheckpointError,
    DataError,
    DtypeError,
    Interrupted,
    NonFiniteError,
    OptionError,
    ProgramError,
    RunError,
    ShapeError,
    StriateError,
    WeightsError,
)
from striate.evaluate import Evaluation, Metrics, Predicted, Trained, load, measure, pack, predict
from striate.models import MODELS, create, summary
from striate.models.separate import separate
from striate.recipes import RECIPES, Recipe, Rehearsal, dry_run, evaluate, recipe_for, report, resume, train
from striate.train import Run, TrainOptions, Where

__version__ = "0.1.0"

__all__ = [
    "MODELS",
    "RECIPES",
    "Augment",
    "CaptureError",
    "CheckpointError",
    "DataError",
    "DataOptions",
    "Dataset",
    "DtypeError",
    "Evaluation",
    "Interrupted",
    "Metrics",
    "NonFiniteError",
    "OptionError",
    "Predicted",
    "Preprocess",
    "ProgramError",
    "Recipe",
    "Rehearsal",
    "Run",
    "RunError",
    "ShapeError",
    "StriateError",
    "TrainOptions",
    "Trained",
    "WeightsError",
    "Where",
    "accelerate",
    "compile",
    "create",
    "describe",
    "dry_run",
    "engine",
    "errors",
    "evaluate",
    "explain",
    "load",
    "load_program",
    "machine",
    "measure",
    "nn",
    "open_dataset",
    "ops",
    "pack",
    "predict",
    "read_image",
    "recipe_for",
    "report",
    "restore",
    "resume",
    "save_program",
    "separate",
    "summary",
    "train",
]
