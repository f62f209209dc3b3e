"""Runs from beginning to end."""

import dataclasses
import platform
from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from striate.data import Dataset, Preprocess, judged_by
from striate.engine import machine
from striate.errors import OptionError, RunError
from striate.recipes.command import train_command
from striate.recipes.preparation import network_of, open_for, prepare
from striate.recipes.pretrained import Pretrained, opened, pretrained
from striate.recipes.recipe import Recipe
from striate.recipes.table import chosen, recipe_for
from striate.train import Checkpoint, Learner, Plan, Run, State, Where, create_run, fit, progress_for
from striate.train.threads import set_threads

__all__ = ["recipe_of", "resume", "train"]

_PACKAGES: Final = ("striate", "torch", "numpy", "pillow", "safetensors")


def train(
    data: str | Path,
    *,
    model: str | None = None,
    out: str | Path = "runs",
    where: Where | None = None,
    recipe: Recipe | None = None,
    **settings: Any,
) -> Run:
    """Train a network on labelled images.

    Args:
        data: `digits`, a folder with a folder a class, or a CSV file of paths and labels.
        model: A network's name, one of `MODELS`; None for the recipe's, or lenet5.
        out: The folder in which the run's folder is made.
        where: Device, workers, threads, progress.
        recipe: How to train; None for the network's own recipe.
        settings: What to change in the recipe, by name: `epochs=3`, `flip=True`.

    Returns:
        The run, finished; `run.path` is its folder.

    Raises:
        DataError: The data has bad files or labels.
        OptionError: A setting does not exist or is out of range.
        Interrupted: It was asked to stop; `resume` goes on.
        NonFiniteError: The loss stayed infinite or NaN.
        RunError: The folder cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = train("digits", model="lenet5", epochs=1, out=folder, where=Where(progress="none"))
        ...     run.path.name
        'digits-lenet5'
    """
    where = where or Where()
    dataset, recipe, first = opened(data, chosen(recipe, model, data).changed(**settings), where)
    with set_threads(where.threads) as threads:
        # Before there is a run: what is refused here leaves no folder.
        prepared = prepare(dataset, recipe, where, first and first.tensors)
        about = _about(data, dataset, recipe, where, threads) | ({"weights": first.to_json()} if first else {})
        run = create_run(Path(out), f"{dataset.name}-{recipe.model}", about)
        return _train(run, prepared, where, first)


def resume(run: str | Path | Run, *, data: str | Path | None = None, where: Where | None = None) -> Run:
    """Go on with a run that was stopped, to the same weights, bit for bit, as if it had not been.

    That holds for the same machine, versions and number of threads; the threads are set as they were unless `where`
    says otherwise. Where the engine convolves, measuring in between (`striate tune`) may change what it chooses.

    Args:
        run: The run's folder.
        data: Where the data is now, if it was moved.
        where: Device, workers, threads, progress.

    Raises:
        RunError: The folder is no run, another process trains it, or the data is not what it began with.
        DataError: The data has gone bad.
        CheckpointError: Every checkpoint is damaged.
    """
    run = run if isinstance(run, Run) else Run(Path(run))
    where = where or Where()
    recipe = recipe_of(run)
    with _understood(run) as about:
        source, expected = str(about["data"]["source"]), str(about["data"]["fingerprint"])
        known = Preprocess.from_json(about["preprocess"])
        # Runs of before the engine do not say who convolved: PyTorch did.
        by_engine = where.accelerate or bool(about.get("accelerate"))
        where = dataclasses.replace(
            where,
            threads=where.threads or about["threads"],
            accelerate=by_engine,
            keep_epochs=where.keep_epochs or tuple(about.get("keep_epochs", ())),
        )
    dataset = open_for(data or source, recipe, where)
    if dataset.fingerprint != expected:
        raise RunError(
            f"resume: the data is not what {run.path} began with.",
            "Restore the files as they were, or train anew on what there is now.",
            data=data or source,
            expected=expected[:16],
            found=dataset.fingerprint[:16],
        )
    first = None if run.checkpoints.any else _as_before(run, dataset, recipe)
    dataset = judged_by(dataset, dataset.classes, known)  # weights to begin with have brought their own mean
    with set_threads(where.threads):
        return _train(run, prepare(dataset, recipe, where, first and first.tensors), where, first)


def recipe_of(run: Run) -> Recipe:
    """Read the recipe that a run follows.

    Raises:
        RunError: The folder is no run, or this version cannot follow its recipe.
    """
    with _understood(run) as about:
        return Recipe.from_json(about["recipe"])


@contextmanager
def _understood(run: Run) -> Generator[dict[str, Any]]:
    try:
        yield run.about
    except (AttributeError, KeyError, OptionError, TypeError, ValueError) as error:
        raise RunError(
            f"run: {run.path / 'run.json'} is damaged, or of another version.",
            "Use the version of Striate that wrote it, or train again.",
            reported=f"{type(error).__name__}: {error}".splitlines()[0],
        ) from error


def _as_before(run: Run, dataset: Dataset, recipe: Recipe) -> Pretrained | None:
    """Find the weights again that a run began with, if it was cut before its first checkpoint."""
    first = pretrained(recipe)
    with _understood(run) as about:
        expected = str(about["weights"]["sha256"]) if first else ""
    if first and first.sha256 != expected:
        raise RunError(
            f"resume: the weights are not those that {run.path} began with.",
            "Restore the file as it was, or train anew.",
            weights=first.name,
            expected=expected[:16],
            found=first.sha256[:16],
        )
    return first and first.fitted(recipe, dataset)


def _train(run: Run, prepared: tuple[Learner, Plan], where: Where, first: Pretrained | None) -> Run:
    learner, plan = prepared
    progress = progress_for(where.progress)
    with run.locked():
        if first:
            progress.note(str(first))
            # From here on the run needs the file of the weights no more.
            run.checkpoints.save(
                Checkpoint(learner.tensors(), dataclasses.asdict(State()), run.about), step=0, best=False
            )
        fit(run, learner, plan, progress)
    return run


def _about(data: str | Path, dataset: Dataset, recipe: Recipe, where: Where, threads: int) -> dict[str, Any]:
    """Say all that is needed to repeat the run, and to use what it trains without its data."""
    source = str(data) if dataset.root == str(data) else str(Path(data).resolve())
    return {
        "format": 1,
        "recipe": recipe.to_json(),
        "network": {"name": recipe.model, **network_of(dataset, recipe)},
        "classes": list(dataset.classes),
        "preprocess": dataclasses.asdict(dataset.preprocess),
        "data": {
            "source": source,
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "samples": {name: len(part) for name, part in dataset.parts.items()},
            "problems": [str(problem) for problem in dataset.problems],
        },
        "command": train_command(source, recipe, recipe_for(recipe.model, source)),
        "threads": threads,
        "accelerate": where.accelerate,
        "keep_epochs": list(where.keep_epochs),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
        "machine": dataclasses.asdict(machine()),
    }
