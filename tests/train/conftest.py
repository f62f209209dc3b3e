"""Something small to train: four kinds of picture that a tiny network can learn in a few steps."""

import os
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from striate.data import Preprocess
from striate.data.dataset import Part
from striate.data.loader import Loader
from striate.data.names import Names
from striate.data.order import Order
from striate.models import create
from striate.tasks import Classification
from striate.train import Learner, Plan, Score, TrainOptions, create_run

CLASSES = ("north", "east", "south", "west")
SAMPLES = 48


@pytest.fixture
def part():
    """48 pictures of 8 x 8, each bright towards the side that names its class."""
    dice = np.random.default_rng(0)
    labels = (np.arange(SAMPLES) % 4).astype(np.int64)
    held = 0.3 * dice.random((SAMPLES, 1, 8, 8)).astype(np.float32)
    for picture, label in zip(held, labels, strict=True):
        np.rot90(picture[0], -int(label))[:3] += 0.6
    names = Names.of(f"{CLASSES[label]}/{i}.png" for i, label in enumerate(labels))
    sizes, grey = np.full((SAMPLES, 2), 8, dtype=np.int32), np.ones(SAMPLES, dtype=bool)
    return Part(names, labels, sizes, grey, "/nowhere", Preprocess((8, 8), 1, (0.3,), (0.3,)), held)


@pytest.fixture
def make_learner(tiny):
    """Give `make_learner(**options)`: a tiny network to be trained, always with the same first weights."""

    def make(**options):
        torch.manual_seed(0)
        chosen = TrainOptions(**options)
        return Learner(create(tiny, classes=4), Classification(CLASSES), chosen, torch.device("cpu"))

    return make


@pytest.fixture
def make_plan(part):
    """Give `make_plan(learner, scores)`: six steps an epoch; validation gives the scores, one after the other."""

    def make(learner, scores=None, *, part=part, checkpoint_seconds=60.0, workers=0):
        options = learner.options
        order = Order(len(part), options.batch_size * options.accumulate, options.seed, limit=options.overfit or None)
        told = iter(scores or [])

        def validate(model, *, should_stop):
            return next(told, Score(1.0, 0.5))

        loader = Loader(part, part.preprocess, order, seed=options.seed, workers=workers)
        return Plan(options, loader, validate, checkpoint_seconds)

    return make


@pytest.fixture
def run(tmp_path):
    """A run that has just been made."""
    return create_run(tmp_path, "run", {"classes": list(CLASSES)})


@pytest.fixture
def disk(tmp_path):
    """Give `disk.make(size)`: a real file system, if we may mount one; `disk.shut()` makes it read-only."""
    place, mounted = tmp_path / "disk", []

    def mount(*options):
        if (
            os.geteuid()
            or subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", place], capture_output=True).returncode
        ):
            pytest.skip("no file system may be mounted here")

    def make(size):
        place.mkdir()
        mount("-o", f"size={size}")
        mounted.append(place)
        return place

    def shut():
        mount("-o", "remount,ro")

    yield SimpleNamespace(make=make, shut=shut)
    for _ in mounted:
        subprocess.run(["umount", "-l", place], check=True)
