"""Judging a trained network on images that it has not seen, and writing down what was found.

RUN/metrics.json        every number
RUN/predictions.csv     every image: truth, prediction, probabilities
RUN/mistakes.json       the most confident mistakes, pictures included
RUN/explained.json      some images, right and wrong, with what the answer rests on
RUN/report.html         all of it for a person
"""

import base64
import csv
import io
import json
import shlex
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from striate.data import DataOptions, Dataset, decode, judged_by, open_dataset
from striate.data.problems import Unreadable, shown
from striate.errors import DataError, OptionError, RunError
from striate.evaluate.explained import Explain, read_explained, write_explained
from striate.evaluate.metrics import Metrics, measure
from striate.evaluate.protocol import Protocol, judge, looks
from striate.evaluate.report import Mistake, Page, write_report
from striate.evaluate.trained import Trained, load, understood
from striate.models import MODELS, summary
from striate.train import Run, Where, device_named, placed, read_epochs
from striate.train.durable import explained, json_bytes, replace_file
from striate.train.scanning import scan_progress
from striate.train.threads import set_threads

__all__ = ["Evaluation", "evaluate", "report"]

MISTAKES: Final = 24
NEXT: Final = 4
_PLAIN: Final = Protocol().told(any_size=False)


@dataclass(frozen=True)
class Evaluation:
    """What judging found.

    Args:
        path: The folder that holds the five files.
        model: The network's name.
        data: The data's name.
        part: The part judged on: `test`, or `val` where there is no test part.
        metrics: The numbers.
        mistakes: The most confident mistakes.
        notes: What a reader of the numbers must know.
        problems: What is wrong with the data, files that were left out among it.
        command: What repeats it.
        step: Steps of training behind the weights.
        protocol: How pictures were judged, in words; see `Protocol`.
    """

    path: Path
    model: str
    data: str
    part: str
    metrics: Metrics
    mistakes: tuple[Mistake, ...]
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    command: str
    step: int
    protocol: str = _PLAIN


def evaluate(  # noqa: PLR0913 - what explains belongs to a room above, and has to be given
    run: str | Path | Run,
    data: str | Path | None = None,
    *,
    checkpoint: Literal["best", "last"] = "best",
    skip_bad: bool = False,
    out: str | Path | None = None,
    where: Where | None = None,
    protocol: Protocol | None = None,
    explain: Explain | None = None,
    **settings: Any,
) -> Evaluation:
    """Judge a run's network, and write metrics, predictions, the gallery of mistakes and the report.

    Args:
        run: The run's folder.
        data: Other data, whose classes are matched by name; None for the run's own. Of its own, moved or not, the test
            part is judged; other data is judged whole, unless it says itself what is its test part.
        checkpoint: The weights that validated best, or the last ones.
        skip_bad: Leave bad files out instead of stopping, as the run may have been told for its own data.
        out: The folder that the files go to; None for the run's, or for other data and other protocols one in it, named
            after the data, the start of its fingerprint, and the protocol.
        where: Device, workers, threads, progress.
        protocol: How pictures are judged; None for their middles.
        explain: What shows in the report which places of some images count; None for none. `striate.evaluate` has one.
        settings: What to change in the protocol, by name: `crops=10`, `scales=(256, 384)`.

    Raises:
        RunError: The folder is no run, or cannot be written.
        CheckpointError: The run has no checkpoint, or a damaged one.
        OptionError: The device is not there, or the network cannot be judged so.
        DataError: The data is not there, has bad files, or classes that the network does not know.

    Example:
        ``evaluate("runs/digits-lenet5").metrics.accuracy``
    """
    where = where or Where()
    device = device_named(where.device)
    trained = load(run, checkpoint=checkpoint)
    protocol, any_size = _protocol(protocol, settings), not MODELS[trained.about["network"]["name"]].sized
    seen = looks(protocol, trained.preprocess, any_size=any_size)
    dataset, own = _dataset(trained, data, where, skip_bad=skip_bad)
    part, notes = _part_of(trained, dataset, own=own)
    with understood(trained.run):
        size = int(trained.about["recipe"]["train"]["batch_size"])
    judged, average = dataset.parts[part], protocol.average
    with set_threads(where.threads):
        model = placed(trained.model, device, by_engine=where.accelerate)
        probabilities = judge(model, judged, seen, average, device=device, batch_size=size, workers=where.workers)
    if probabilities is None:
        raise RunError(
            "evaluate: the network's scores are not finite.", "Use another checkpoint.", checkpoint=checkpoint
        )
    labels = torch.from_numpy(dataset.parts[part].labels)
    found = Evaluation(
        path=_folder(trained.run, dataset, out, protocol, own=own),
        model=trained.about["network"]["name"],
        data=dataset.name,
        part=part,
        metrics=measure(probabilities, labels, dataset.classes),
        mistakes=_mistakes(dataset, part, probabilities),
        notes=notes,
        problems=tuple(map(str, dataset.problems)),
        command=_command(trained.run, data, checkpoint, protocol, skip_bad=skip_bad, out=out),
        step=trained.step,
        protocol=protocol.told(any_size=any_size),
    )
    _write(found, dataset, probabilities)
    write_explained(found.path, trained, dataset.parts[part], probabilities, explain)
    _write_report(found, trained)
    return found


def report(run: str | Path | Run, *, explain: Explain | None = None) -> Path:
    """Write a run's report anew from what its folder holds; judge it first if that was not done.

    Args:
        run: The run's folder.
        explain: As for `evaluate`, if it has to be judged.

    Returns:
        The page's file.

    Raises:
        RunError: As for `evaluate`, or what the folder holds is damaged.
    """
    trained = load(run)
    path = trained.run.path
    if not (path / "metrics.json").exists():
        return evaluate(trained.run, explain=explain).path / "report.html"
    try:
        document = json.loads((path / "metrics.json").read_bytes())
        mistakes = json.loads((path / "mistakes.json").read_bytes())
        found = Evaluation(
            path=path,
            model=document["model"],
            data=document["data"],
            part=document["part"],
            metrics=Metrics.from_json(document["metrics"]),
            mistakes=tuple(_unpacked(mistake) for mistake in mistakes["mistakes"]),
            notes=tuple(document["notes"]),
            problems=tuple(document["problems"]),
            command=str(document["command"]),
            step=int(document["step"]),
            protocol=str(document.get("protocol", _PLAIN)),
        )
        read_explained(path)
    except (AttributeError, KeyError, OSError, RecursionError, TypeError, Unreadable, ValueError) as error:
        raise RunError(
            f"report: what {path} holds of its evaluation is damaged.",
            f"Judge it again: striate evaluate {path}",
            reported=f"{type(error).__name__}: {error}",
        ) from error
    return _write_report(found, trained)


def _protocol(protocol: Protocol | None, settings: dict[str, Any]) -> Protocol:
    known = [field.name for field in fields(Protocol)]
    if unknown := [name for name in settings if name not in known]:
        raise OptionError(
            f"evaluate: no setting is called {', '.join(map(repr, unknown))}.", f"Choose from: {', '.join(known)}."
        )
    return replace(protocol or Protocol(), **settings)


def _folder(run: Run, dataset: Dataset, out: str | Path | None, protocol: Protocol, *, own: bool) -> Path:
    if out:
        return Path(out)
    words = [] if own else [f"on-{dataset.name}-{dataset.fingerprint[:8]}"]
    words += [protocol.folder] if protocol.folder else []
    return run.path / "-".join(words)


def _command(
    run: Run, data: str | Path | None, checkpoint: str, protocol: Protocol, *, skip_bad: bool, out: str | Path | None
) -> str:
    words = ["striate", "evaluate", str(run.path)]
    words += ["--data", str(data)] if data else []
    words += ["--checkpoint", checkpoint] if checkpoint != "best" else []
    words += ["--skip-bad"] if skip_bad else []
    words += ["--crops", "10"] if protocol.crops == 10 else []
    words += ["--scales", *map(str, protocol.scales)] if protocol.scales else []
    words += ["--average", "scores"] if protocol.folder and protocol.average == "scores" else []
    return shlex.join(words + (["--out", str(out)] if out else []))


def _dataset(trained: Trained, data: str | Path | None, where: Where, *, skip_bad: bool) -> tuple[Dataset, bool]:
    """Open the data to judge on.

    Returns:
        The data, and whether it is what the run was trained on: then all but its test part is known to the network.
    """
    p = trained.preprocess
    with understood(trained.run):
        about, settings = trained.about["data"], trained.about["recipe"]["data"]
        source, samples = str(about["source"]), sum(about["samples"].values())
        options = DataOptions(
            image_size=p.image_size,
            channels=p.channels,  # pyright: ignore[reportArgumentType] - Preprocess allows 1 and 3 alone
            resize=p.resize,
            enlarge=p.enlarge,
            split=tuple(settings["split"]),
            split_seed=settings["split_seed"],
            skip_bad=skip_bad or (settings["skip_bad"] and not data),
        )
    with scan_progress(where.progress) as on_progress:
        opened = partial(open_dataset, on_progress=on_progress)
        if not data:
            return judged_by(opened(source, options), trained.task.classes, p), True
        other = opened(data, replace(options, split=(0.0, 0.0, 1.0)))
        if sum(map(len, other.parts.values())) == samples:
            with suppress(DataError):  # what cannot be trained on is not what the run was trained on
                own = opened(data, options)
                if own.fingerprint == about["fingerprint"]:
                    return judged_by(own, trained.task.classes, p), True
    return judged_by(other, trained.task.classes, p), False


def _part_of(trained: Trained, dataset: Dataset, *, own: bool) -> tuple[str, tuple[str, ...]]:
    """Choose the part to judge on, and say what makes the numbers less than they seem."""
    notes: list[str] = []
    part = "test" if "test" in dataset.parts else "val"
    if part not in dataset.parts:
        raise DataError(
            "evaluate: the data has no images to judge on.", "Give data with a test part.", data=dataset.root
        )
    if part == "val":
        notes.append("There is no test part: this is the validation part" + ", which also chose the weights." * own)
    if own and dataset.fingerprint != trained.about["data"]["fingerprint"]:
        notes.append("The data has changed since training: some of these images may have been trained on.")
    if not own and _overlap(dataset.root, str(trained.about["data"]["source"])):
        notes.append("The data lies where the network's own data does: some of these images may have been trained on.")
    leaks = _leaks(dataset, part)
    if leaks:
        notes.append(f"Images that are in more than one part: {leaks}. The numbers flatter the network.")
    if not trained.finished:
        notes.append(f"Training is not finished: these are the weights of step {trained.step}.")
    return part, tuple(notes)


def _overlap(one: str, other: str) -> bool:
    """Tell whether a folder is the other or lies in it; a CSV file stands for its folder."""
    ours, theirs = (Path(path).parent if path.endswith(".csv") else Path(path) for path in (one, other))
    return ours == theirs or ours in theirs.parents or theirs in ours.parents


def _leaks(dataset: Dataset, part: str) -> int:
    """Count the images of a part that another part has as well."""
    names = set(dataset.parts[part].names)
    written = {f"the same bytes as {shown(name)}, which is in another part" for name in names}
    leaks = [problem for problem in dataset.problems if problem.kind == "leak"]
    return sum(problem.name in names or problem.why in written for problem in leaks)


def _mistakes(dataset: Dataset, name: str, probabilities: Float[Tensor, "N K"]) -> tuple[Mistake, ...]:
    part = dataset.parts[name]
    labels = torch.from_numpy(part.labels)
    confidence, predicted = probabilities.max(1)
    wrong = (predicted != labels).nonzero()[:, 0]
    worst = wrong[confidence[wrong].argsort(descending=True, stable=True)][:MISTAKES]
    return tuple(_mistake(dataset, name, i, probabilities[i]) for i in worst.tolist())


def _mistake(dataset: Dataset, name: str, index: int, probabilities: Float[Tensor, " K"]) -> Mistake:
    part = dataset.parts[name]
    values, order = probabilities.topk(min(NEXT + 1, len(dataset.classes)))
    named = [(dataset.classes[i], p) for i, p in zip(order.tolist(), values.tolist(), strict=True)]
    image = np.round(part.read(index) * 255).astype(np.uint8).transpose(1, 2, 0)
    return Mistake(
        name=part.names[index],
        truth=dataset.classes[part.labels[index]],
        predicted=named[0][0],
        probability=named[0][1],
        image=image,
        others=tuple(named[1:]),
    )


def _write(found: Evaluation, dataset: Dataset, probabilities: Float[Tensor, "N K"]) -> None:
    document = {
        "model": found.model,
        "data": found.data,
        "part": found.part,
        "protocol": found.protocol,
        "metrics": found.metrics.to_json(),
        "notes": list(found.notes),
        "problems": list(found.problems),
        "command": found.command,
        "step": found.step,
    }
    table = _predictions(dataset, found.part, probabilities)
    with explained("evaluate", found.path):
        found.path.mkdir(parents=True, exist_ok=True)
        replace_file(found.path / "predictions.csv", table.encode("utf-8", "surrogateescape"))
        packed = [{**asdict(mistake), "image": _png(mistake.image)} for mistake in found.mistakes]
        replace_file(found.path / "mistakes.json", json_bytes({"mistakes": packed}))
        replace_file(found.path / "metrics.json", json_bytes(document))


def _predictions(dataset: Dataset, name: str, probabilities: Float[Tensor, "N K"]) -> str:
    part = dataset.parts[name]
    values, order = probabilities.topk(min(NEXT + 1, len(dataset.classes)), dim=1)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    following = [f"{what}_{i}" for i in range(2, values.shape[1] + 1) for what in ("class", "probability")]
    table.writerow(["name", "truth", "predicted", "correct", "probability", "probability_of_truth", *following])
    for i, (row, p) in enumerate(zip(order.tolist(), values.tolist(), strict=True)):
        truth, said = dataset.classes[part.labels[i]], [dataset.classes[k] for k in row]
        cells = [cell for pair in zip(said[1:], p[1:], strict=True) for cell in pair]
        of_truth = float(probabilities[i, int(part.labels[i])])
        table.writerow([part.names[i], truth, said[0], int(truth == said[0]), p[0], of_truth, *cells])
    return text.getvalue()


def _write_report(found: Evaluation, trained: Trained) -> Path:
    history = read_epochs(trained.run.path)
    with understood(trained.run):
        page = _page(found, trained, history)
    path = found.path / "report.html"
    write_report(path, page)
    return path


def _page(found: Evaluation, trained: Trained, history: list[dict[str, Any]]) -> Page:
    about, p = trained.about, trained.preprocess
    return Page(
        title=f"{found.model} on {found.data}",
        model=found.model,
        dataset=found.data,
        part=found.part,
        protocol=found.protocol,
        metrics=found.metrics,
        note=" ".join(found.notes),
        history=history,
        best_epoch=next((row.get("epoch") for row in history if row.get("step") == found.step), None),
        mistakes=found.mistakes,
        explained=read_explained(found.path),
        layers=summary(trained.model, (p.channels, *p.image_size)).rows,
        recipe=about["recipe"],
        machine=about["machine"],
        versions=about["versions"],
        commands={"Train": about["command"], "Judge": found.command},
        problems=found.problems,
        seconds=sum(row.get("seconds", 0.0) for row in history) or None,
    )


def _png(image: Any) -> str:
    packed = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(packed, format="PNG")
    return base64.b64encode(packed.getvalue()).decode()


def _unpacked(mistake: dict[str, Any]) -> Mistake:
    with decode.explained():
        pixels = np.asarray(decode.header(base64.b64decode(mistake["image"])))
    values: dict[str, Any] = {"image": pixels, "others": tuple((name, p) for name, p in mistake["others"])}
    return Mistake(**{**mistake, **values})
