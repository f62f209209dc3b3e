"""Packing: the network of a run as two files that others can begin with, and a page that says what it is.

NAME.safetensors    the weights that are used: the average's, if the run kept one
NAME.json           their card
NAME.md             the card for a person
"""

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import safetensors.torch
import torch

from striate.errors import OptionError
from striate.evaluate.evaluation import Evaluation, evaluate
from striate.evaluate.trained import Trained, load, understood
from striate.models.weights import Card
from striate.train import Run, Where
from striate.train.durable import explained, json_bytes, make_folder, replace_file

__all__ = ["pack"]

UNKNOWN: Final = "not stated"
LICENCES: Final = {
    "digits": "CC BY 4.0; E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, "
    "UCI Machine Learning Repository, 1998, https://doi.org/10.24432/C50P49"
}


def pack(
    run: str | Path | Run,
    out: str | Path | None = None,
    *,
    name: str = "",
    licence: str = UNKNOWN,
    data_licence: str = "",
    where: Where | None = None,
) -> Path:
    """Judge a run's network on what was held out, and write its weights with their card.

    Args:
        run: The run's folder; its data must be there.
        out: The file of the weights, which ends in .safetensors; None for one in the run's folder.
        name: What the weights are called; nothing for the data's name.
        licence: Of the weights.
        data_licence: Of the data; nothing for what is known of embedded data.
        where: Device, workers, threads, progress.

    Returns:
        The file of the weights, which `train(weights=...)` takes.

    Raises:
        OptionError: `out` does not end in .safetensors.
        RunError: The folder is no run, has no checkpoint, or the files cannot be written.
        DataError: The data is not there any more.

    Example:
        ``striate.train("pets/", model="resnet20", weights=striate.pack("runs/cats-resnet20"))``
    """
    trained = load(run)
    about = trained.about
    model, data = str(about["network"]["name"]), str(about["data"]["name"])
    name = name or data
    path = Path(out) if out else trained.run.path / f"{model}-{name}.safetensors"
    if path.suffix != ".safetensors":
        raise OptionError("pack: the file of the weights ends in .safetensors.", "Name another file.", out=out)
    found = evaluate(trained.run, where=where)
    tensors = {
        key: value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for key, value in trained.model.state_dict().items()
    }
    content = safetensors.torch.save(tensors)
    with understood(trained.run):
        known = {"licence": licence, "data_licence": data_licence or LICENCES.get(data, UNKNOWN)}
        card = _card(trained, found, name, hashlib.sha256(content).hexdigest(), **known)
    with explained("pack", path):
        make_folder(path.parent)
        replace_file(path.with_suffix(".md"), str(card).encode())
        replace_file(path.with_suffix(".json"), json_bytes(card.to_json()))
        replace_file(path, content)
    return path


def _card(trained: Trained, found: Evaluation, name: str, sha256: str, *, licence: str, data_licence: str) -> Card:
    about: dict[str, Any] = trained.about
    metrics = found.metrics
    return Card(
        model=about["network"]["name"],
        name=name,
        licence=licence,
        network={key: value for key, value in about["network"].items() if key != "name"},
        classes=trained.task.classes,
        preprocess=asdict(trained.preprocess),
        data={**{key: about["data"][key] for key in ("name", "fingerprint", "samples")}, "licence": data_licence},
        recipe=about["recipe"],
        steps=trained.step,
        metrics={
            "part": found.part,
            "samples": metrics.samples,
            "accuracy": metrics.accuracy,
            "accuracy_interval": list(metrics.accuracy_interval),
            "macro_f1": metrics.macro.f1,
            "cross_entropy": metrics.cross_entropy,
            "calibration_error": metrics.calibration_error,
        },
        command=about["command"],
        threads=about["threads"],
        versions=about["versions"],
        machine=about["machine"]["processor"],
        sha256=sha256,
    )
