"""A network that a run has trained, ready for use."""

import shlex
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any, Literal

import torch

from striate.data import Preprocess
from striate.errors import CheckpointError
from striate.models import create
from striate.nn import Classifier
from striate.tasks import Classification
from striate.train import Checkpoint, Run

__all__ = ["Trained", "load", "understood"]


@dataclass(frozen=True)
class Trained:
    """A trained network and what is needed to use it.

    Args:
        run: The run that trained it.
        model: In evaluation mode; the averaged weights, if the run kept an average.
        task: Knows the classes.
        preprocess: What makes an image the network's input.
        about: All that the run says of itself, as its checkpoint holds it.
        step: Steps of training behind these weights.
        finished: Whether the run has come to its end.
    """

    run: Run
    model: Classifier
    task: Classification
    preprocess: Preprocess
    about: dict[str, Any]
    step: int
    finished: bool


def load(run: str | Path | Run, *, checkpoint: Literal["best", "last"] = "best") -> Trained:
    """Load the network that a run has trained.

    Args:
        run: The run's folder.
        checkpoint: The one that validated best, or the last one.

    Raises:
        RunError: The folder is no run.
        CheckpointError: The run has no checkpoint yet, or it is damaged.
    """
    run = run if isinstance(run, Run) else Run(Path(run))
    _ = run.about  # a folder that is no run is said to be that, not to lack a checkpoint
    found, last = run.checkpoints.load(checkpoint), run.checkpoints.load("last")
    if found is None:
        raise CheckpointError(
            f"load: {run.path} has no checkpoint yet.", f"Train it: striate train --resume {shlex.quote(str(run.path))}"
        )
    with understood(run):
        finished = bool(last and last.state["finished"])
        return _built(run, found, finished=finished)


def _built(run: Run, found: Checkpoint, *, finished: bool) -> Trained:
    network, classes = found.about["network"], tuple(map(str, found.about["classes"]))
    preprocess = Preprocess.from_json(found.about["preprocess"])
    if len(set(classes)) != network["classes"] or preprocess.channels != network["in_channels"]:
        raise ValueError("the network, its classes and its images do not belong together")
    with torch.device("meta"):  # nothing is allocated, so no absurd size can fill the memory
        built: dict[str, Any] = {key: _tuples(value) for key, value in network.items() if key != "name"}
        built["image_size"] = preprocess.image_size
        model = create(network["name"], **built)
    types = {name: tensor.dtype for name, tensor in model.state_dict().items()}
    model.load_state_dict(dict(found.tensors.get("average", found.tensors["model"])), assign=True)
    if types != {name: tensor.dtype for name, tensor in model.state_dict().items()}:
        raise ValueError("the weights are of another type of numbers")
    # Out of the file's bytes into memory of its own, in the layout that convolutions run fastest in.
    model = model.eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    task = Classification(classes)
    return Trained(run, model, task, preprocess, dict(found.about), int(found.state["step"]), finished)


@contextmanager
def understood(run: Run) -> Generator[None]:
    """Turn whatever is missing or absurd in what a checkpoint says into one clear error.

    Raises:
        CheckpointError: Something is.
    """
    try:
        yield
    except (AttributeError, KeyError, OverflowError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"load: a checkpoint of {run.path} does not hold the network that its about.json tells of.",
            "Use the version of Striate that wrote it, or train again.",
            reported=shorten(f"{type(error).__name__}: {error}", 240),
        ) from error


def _tuples(value: Any) -> Any:
    """JSON knows no tuples."""
    return tuple(value) if isinstance(value, list) else value
