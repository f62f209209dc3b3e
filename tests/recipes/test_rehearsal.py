"""recipes.rehearsal: what training would do, and not a trace of it."""

import math
import os

import pytest
import torch

from striate.errors import DataError, OptionError, ShapeError
from striate.recipes import Recipe, dry_run, recipe_for, train
from striate.train import Where

QUIET = Where(progress="none", threads=1)


def test_it_writes_nothing(tiny, pictures, tmp_path, monkeypatch):
    """Neither in the folder where one is, nor beside the data, nor in it."""
    data = pictures({"cat": 6, "dog": 6})
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = {path: os.stat(path).st_mtime_ns for path in tmp_path.rglob("*")}
    dry_run(data, model=tiny, where=QUIET)
    assert {path: os.stat(path).st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_it_says_what_training_then_does(tiny, tmp_path):
    """As many images, classes, parameters and steps."""
    found = dry_run("digits", model=tiny, where=QUIET, epochs=1)
    run = train("digits", recipe=found.recipe, out=tmp_path, where=QUIET)
    checkpoint = run.checkpoints.load("last")
    assert found.steps == checkpoint.state["step"]
    assert found.samples == run.about["data"]["samples"] == {"train": 1079, "val": 359, "test": 359}
    assert found.classes == len(run.about["classes"])
    assert found.parameters == sum(p.numel() for name, p in checkpoint.tensors["model"].items() if is_learned(name))
    assert found.recipe == Recipe.from_json(run.about["recipe"])


def is_learned(name):
    """Whether a tensor is a parameter."""
    return "running" not in name and "tracked" not in name


def test_the_first_loss_is_that_of_guessing():
    """About the logarithm of the number of classes: what a newcomer is told to compare it with."""
    assert dry_run("digits", where=QUIET).loss == pytest.approx(math.log(10), abs=1.0)


def test_settings_change_the_recipe():
    """As they do for `train`."""
    found = dry_run("digits", where=QUIET, epochs=2, overfit=1)
    assert found.recipe == recipe_for("lenet5", "digits").changed(epochs=2, overfit=1)
    assert found.steps == 2


def test_it_leaves_the_process_as_it_was(tiny):
    """Random numbers and threads."""
    torch.manual_seed(3)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    dry_run("digits", model=tiny, where=Where(progress="none", threads=3 - min(threads, 2)))
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), before)


def test_what_training_refuses_it_refuses(tiny, tmp_path):
    """Before anything else is done."""
    with pytest.raises(DataError):
        dry_run(tmp_path, model=tiny, where=QUIET)
    with pytest.raises(ShapeError):
        dry_run("digits", model="lenet5", where=QUIET, image_size=(8, 8))
    with pytest.raises(OptionError):
        dry_run("digits", model=tiny, where=QUIET, accumulate=2000)
