"""The commands for weights: list the published ones, get them, check what is here; pack those of a run."""

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from striate.cli import show
from striate.errors import OptionError
from striate.evaluate import pack as pack_run
from striate.models.weights import OWN, WEIGHTS, Published, check, fetch, folder, own_weights, published
from striate.models.weights.download import Told
from striate.train import Where

__all__ = ["pack", "weights"]

Action = Annotated[tyro.conf.Positional[Literal["list", "get", "check"]], tyro.conf.arg(metavar="list|get|check")]
Model = Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
Name = Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="WEIGHTS")]


def weights(action: Action, model: Model = "", name: Name = "") -> int:
    """List the weights that there are, get published ones into the cache, or check what is there.

    `get` is the only command that uses the network.

    Args:
        action: list: what there is. get: fetch, prove and convert MODEL WEIGHTS. check: prove again what is in
            the cache, $STRIATE_CACHE or else striate in the user's cache.
        model: A network; with list and check, only its weights.
        name: Weights of that network, as the list calls them.
    """
    return {"list": _list, "get": _get, "check": _check}[action](model, name)


def pack(
    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")],
    *,
    out: str = "",
    name: str = "",
    licence: str = "not stated",
    data_licence: str = "",
    where: Where = Where(),  # noqa: B008 - frozen
) -> int:
    """Judge a run's network, and write its weights and their card as files that training can begin with.

    Args:
        run: The run's folder.
        out: The file of the weights, which ends in .safetensors; otherwise one in the run's folder.
        name: What the weights are called; otherwise as the data.
        licence: Of the weights.
        data_licence: Of the data.
        where: Where it runs.
    """
    print(pack_run(run, out or None, name=name, licence=licence, data_licence=data_licence, where=where))
    return 0


def _list(model: str, name: str) -> int:
    own = [(m, n) for m, names in OWN.items() for n in names if model in ("", m) and name in ("", n)]
    here = [own_weights(*which) for which in own]
    return show.weights([] if own and model else _rows(model, name), here)


def _get(model: str, name: str) -> int:
    if not (model and name):
        raise OptionError(
            "weights: get takes a network and the name of its weights.",
            "The list has both, as in: striate weights get resnet18 imagenet1k-v1",
            **({"model": model} if model else {}),
        )
    if name in OWN.get(model, ()):
        kept, licence = "in the package: there is nothing to get", own_weights(model, name).card.licence
    else:
        row = published(model, name)
        with _bar(row) as told:
            kept, licence = fetch(row, told=told), row.licence
    print(
        f"weights   {model} {name}\nkept      {kept}\nlicence   {licence}\n"
        f"use       create({model!r}, weights={name!r})"
    )
    return 0


def _check(model: str, name: str) -> int:
    found = check(_rows(model, name))
    for one in found:
        print(f"{'damaged' if one.problem else 'whole  '}  {one.path}")
        if one.problem:
            print(f"error: {one.problem}", file=sys.stderr)
    if not found:
        print(f"there are none in {folder()}")
    return int(any(one.problem for one in found))


def _rows(model: str, name: str) -> Sequence[Published]:
    if name:
        return [published(model, name)]
    rows = [row for row in WEIGHTS if model in ("", row.model)]
    return rows or [published(model, name)]  # which says what there is


@contextmanager
def _bar(row: Published) -> Generator[Told]:
    """Draw how far a download has come; without a terminal, say once that it begins."""
    console = Console(stderr=True)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task("get", total=None)

    begun: list[bool] = []

    def told(done: int, total: int) -> None:
        if not begun:
            begun.append(True)
            console.print(f"fetching {row.url}", markup=False, highlight=False, soft_wrap=True)
            if console.is_terminal:
                bar.start()
        bar.update(task, completed=done, total=total or None)

    try:
        yield told
    finally:
        if bar.live.is_started:
            bar.stop()
