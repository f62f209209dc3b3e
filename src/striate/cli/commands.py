"""The commands, one function each: their parameters are the flags, their docstrings the help.

To add one: write its function, add one line to the table.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import torch
import tyro

from striate.cli import show
from striate.cli.benching import bench
from striate.cli.compiling import compile_network
from striate.cli.explain import explain
from striate.cli.training import Data, train_with
from striate.cli.tuning import explain_plan, tune
from striate.cli.weights import pack, weights
from striate.data import DataOptions, contact_sheet, describe, inspect_dataset
from striate.engine import machine
from striate.engine import peaks as peaks_of
from striate.errors import OptionError
from striate.evaluate import Protocol
from striate.evaluate import predict as predict_files
from striate.explain.glance import glance
from striate.models import MODELS, create, outline
from striate.models import summary as summary_of
from striate.recipes import Recipe
from striate.recipes import evaluate as evaluate_run
from striate.recipes import report as report_run
from striate.train import Where
from striate.train.durable import explained
from striate.train.scanning import scan_progress

__all__ = ["commands"]

RunFolder = Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
Files = Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="FILE|FOLDER...")]
Model = Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
Checkpoint = Literal["best", "last"]


def _evaluate(  # noqa: PLR0913 - each is a flag
    run: RunFolder,
    *,
    data: str = "",
    checkpoint: Checkpoint = "best",
    skip_bad: bool = False,
    explained: bool = True,
    out: str = "",
    where: Where = Where(),  # noqa: B008 - frozen
    protocol: Protocol = Protocol(),  # noqa: B008 - frozen
) -> int:
    """Judge a trained network on images that it has not seen, and write the report.

    Args:
        run: The run's folder.
        data: Other data to judge it on; otherwise the test part of its own.
        checkpoint: The weights that validated best, or the last ones.
        skip_bad: Leave bad files out instead of stopping.
        explained: Show in the report what the answers to some images rest on.
        out: The folder that the results go to; otherwise the run's, or one in it for other data or another protocol.
        where: Where it runs.
        protocol: How pictures are judged.
    """
    found = evaluate_run(
        run,
        data or None,
        checkpoint=checkpoint,
        skip_bad=skip_bad,
        explain=glance if explained else None,
        out=out or None,
        where=where,
        protocol=protocol,
    )
    return show.evaluation(found)


def _predict(
    run: RunFolder,
    files: Files,
    *,
    form: Annotated[Literal["table", "csv", "json"], tyro.conf.arg(name="format")] = "table",
    checkpoint: Checkpoint = "best",
    where: Where = Where(),  # noqa: B008 - frozen
) -> int:
    """Classify image files; a file that cannot be used is named, and the exit status is then 1.

    Args:
        run: The run's folder.
        files: Images, or folders of images.
        form: How to print: a table, CSV or JSON.
        checkpoint: The weights that validated best, or the last ones.
        where: Where it runs.
    """
    if not files:
        raise OptionError("predict: there is nothing to predict.", "Name images, or folders of images.")
    return show.predictions(predict_files(run, files, checkpoint=checkpoint, where=where), form)


def _report(run: RunFolder) -> int:
    """Write a run's report anew, from what it holds; judge it first if that was not done.

    Args:
        run: The run's folder.
    """
    print(report_run(run))
    return 0


def _data(
    data: Data,
    *,
    sheet: str = "",
    options: DataOptions = DataOptions(),  # noqa: B008 - frozen
) -> int:
    """Say what is in the data, and what is wrong with it; the exit status is 1 if training would stop for it.

    Args:
        data: digits, a folder with a folder a class, or a CSV file of paths and labels.
        sheet: A PNG file to write some pictures of every class to.
        options: How the data is read.
    """
    with scan_progress("auto") as told:
        found = inspect_dataset(data, options, on_progress=told)
    print(describe(found))
    if sheet:
        with explained("data", Path(sheet)):
            contact_sheet(found).save(sheet, format="PNG")
        print(f"pictures  {sheet}")
    return int(any(problem.stops(skip_bad=options.skip_bad) for problem in found.problems))


def _models() -> int:
    """List the networks."""
    with torch.device("meta"):  # their numbers are not needed
        found = {name: (entry, create(name)) for name, entry in MODELS.items()}
    return show.models(found)


def _summary(
    model: Model,
    *,
    classes: int | None = None,
    channels: int | None = None,
    image_size: tuple[int, int] | None = None,
    layers: bool = False,
) -> int:
    """Show a network as its paper's table: a row a stage, with output, parameters, multiply-adds, receptive field.

    Args:
        model: A name that `striate models` lists.
        classes: Size of the last layer; the paper's if not given.
        channels: Channels of the images; the paper's if not given.
        image_size: Height and width of the images; the paper's if not given.
        layers: Show a row a layer instead.
    """
    with torch.device("meta"):
        network = create(model, classes=classes, in_channels=channels, image_size=image_size)
    size = (channels or MODELS[model].channels, *(image_size or MODELS[model].image_size))
    return show.summary(summary_of(network, size) if layers else outline(network, size), model)


def _machine(*, form: Annotated[Literal["table", "json"], tyro.conf.arg(name="format")] = "table") -> int:
    """Say what this machine is, and measure its peaks.

    Args:
        form: How to print.
    """
    return show.machine(machine(), peaks_of(), form)


def commands(default: Recipe) -> dict[str, Callable[..., int]]:
    """List the commands by name; `train` follows the recipe `default`, unless its flags say otherwise."""
    return {
        "train": train_with(default),
        "evaluate": _evaluate,
        "predict": _predict,
        "report": _report,
        "explain": explain,
        "compile": compile_network,
        "bench": bench,
        "pack": pack,
        "data": _data,
        "models": _models,
        "summary": _summary,
        "weights": weights,
        "machine": _machine,
        "tune": tune,
        "explain-plan": explain_plan,
    }
