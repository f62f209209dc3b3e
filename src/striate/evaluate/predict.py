"""Classes for loose files."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch

from striate.data import read_image
from striate.data.listing import EXTENSIONS
from striate.data.transforms import normalize
from striate.errors import DataError
from striate.evaluate.trained import Trained, load
from striate.tasks import Prediction
from striate.train import Run, Where, device_named, placed
from striate.train.scanning import scan_progress
from striate.train.threads import set_threads

__all__ = ["Predicted", "predict"]

BATCH: Final = 64


@dataclass(frozen=True)
class Predicted:
    """What a network says of one file.

    Args:
        path: The file.
        prediction: The likeliest classes; None if the file could not be used.
        problem: Why not.
    """

    path: str
    prediction: Prediction | None
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Give plain values: path, class, probability, the next classes with theirs, or the problem."""
        if self.prediction is None:
            return {"path": self.path, "problem": self.problem}
        named = list(zip(self.prediction.classes, self.prediction.probabilities, strict=True))
        return {
            "path": self.path,
            "class": named[0][0],
            "probability": named[0][1],
            "next": [{"class": name, "probability": probability} for name, probability in named[1:]],
        }


def predict(
    run: str | Path | Run | Trained,
    files: Iterable[str | Path],
    *,
    checkpoint: Literal["best", "last"] = "best",
    where: Where | None = None,
) -> list[Predicted]:
    """Classify image files, and the images in folders.

    A file that cannot be used is named with its problem; the others are classified all the same.

    Args:
        run: A run's folder, or what `load` gave.
        files: Files, or folders, which are searched to any depth.
        checkpoint: The weights that validated best, or the last ones.
        where: Device, threads, progress.

    Returns:
        One for each file, in the order given; a folder's in the order of their names.

    Raises:
        RunError: `run` is no run.
        CheckpointError: It has no checkpoint, or a damaged one.
    """
    trained = run if isinstance(run, Trained) else load(run, checkpoint=checkpoint)
    where = where or Where()
    device = device_named(where.device)
    placed(trained.model, device, by_engine=where.accelerate)
    paths = [path for given in files for path in _files(Path(given))]
    found: list[Predicted] = []
    with scan_progress(where.progress, what="predicting") as told, set_threads(where.threads):
        for first in range(0, len(paths), BATCH):
            found += _predict(trained, paths[first : first + BATCH], device)
            told(len(found), len(paths))
    return found


@torch.inference_mode()
def _predict(trained: Trained, paths: Sequence[Path], device: torch.device) -> list[Predicted]:
    preprocess = trained.preprocess
    images: dict[Path, Any] = {}
    problems: dict[Path, str] = {}
    for path in paths:
        try:
            images[path] = read_image(path, preprocess)
        except DataError as error:
            problems[path] = error.received.get("found") or error.rule  # pyright: ignore[reportArgumentType]
    predictions: dict[Path, Prediction] = {}
    if images:
        x = normalize(torch.from_numpy(np.stack(list(images.values()))), preprocess.mean, preprocess.std)
        probabilities = trained.model.probabilities(x.to(device)).cpu()
        predictions = dict(zip(images, trained.task.decode(probabilities), strict=True))
    return [Predicted(os.fspath(path), predictions.get(path), problems.get(path)) for path in paths]


def _files(given: Path) -> list[Path]:
    """List a folder's images; a file is itself, whatever it is called."""
    if not os.path.isdir(given):  # unlike Path.is_dir, no name is too long for it
        return [given]
    closed: list[OSError] = []
    found = [Path(folder) / name for folder, _, names in os.walk(given, onerror=closed.append) for name in names]
    images = [path for path in found if path.suffix.lower() in EXTENSIONS]
    images += [Path(os.fsdecode(error.filename)) for error in closed]  # so that they are named among what is bad
    return sorted(path for path in images if not any(part.startswith(".") for part in path.relative_to(given).parts))
