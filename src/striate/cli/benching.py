"""The command that races a network, as one program, against other ways to run it that are installed here."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro
from rich.progress_bar import ProgressBar
from torch import Tensor, nn

from striate.cli import show
from striate.cli.compiling import network_of
from striate.compile.compiled import compile as compile_model
from striate.compile.compiled import load_program
from striate.compile.program import Program
from striate.engine import machine
from striate.engine.choice import Accuracy, Memory
from striate.errors import OptionError
from striate.models import MODELS
from striate.rivals.race import OURS, Race, race
from striate.train import Where
from striate.train.durable import explained
from striate.train.scanning import scan_progress
from striate.train.threads import set_threads

__all__ = ["bench"]


def bench(  # noqa: PLR0913 - each is a flag
    given: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN|MODEL|FILE")],
    *,
    weights: str = "",
    image_size: tuple[int, int] | None = None,
    batch: tuple[int, ...] = (1,),
    threads: tuple[int, ...] = (1,),
    turns: int = 5,
    accuracy: Accuracy = "default",
    tune: float = 0.0,
    memory: Memory = "fast",
    out: str = "",
) -> int:
    """Time a network as one program against PyTorch, and against whichever other runtimes are installed.

    All take turns on the same images; an answer that is wrong is not timed.

    Args:
        given: A run's folder, the name of a network, or a file of `striate compile`, which is then timed alone.
        weights: Of a network that is named, as `striate weights list` has them; without, they are random.
        image_size: Height and width of the images; the network's own if not given.
        batch: Images in a run; several numbers for a table each.
        threads: Threads that compute; several numbers for a table each.
        turns: How often each is timed.
        accuracy: How far from the exact sums results may be: as another order of adding, twice as far, ten times.
        tune: Seconds in which to measure which algorithms are the fastest here; 0 for none: what is known decides.
        memory: small for as little as can be, which is slower.
        out: A file to write all times to, as JSON.
    """
    _refuse(batch, threads, image_size, turns, out)
    alone = given not in MODELS and Path(given).is_file()
    model, size = (None, _size(given)) if alone else network_of("bench", given, weights)[:2]
    height, width = image_size or size[1:]
    races: list[Race] = []
    for workers in threads:
        for count in batch:
            images = torch.randn((count, size[0], height, width), generator=torch.Generator().manual_seed(0))
            with set_threads(Where(threads=workers).threads):
                program = _program(given, model, images, {"accuracy": accuracy, "tune": tune, "memory": memory})
                with scan_progress("auto", what=f"racing, batch {count}, threads {workers}") as told:
                    races.append(race(program, model, images, turns=turns, told=told))
            _show(given, races[-1])
    if alone:
        print("A file has no model to hold others against: name the run or the network for that.")
    if out:
        _write(Path(out), given, (height, width), races)
    return 0


def _program(given: str, model: nn.Module | None, images: Tensor, asked: dict[str, Any]) -> Program:
    if model is None:
        return load_program(given, memory=asked["memory"])
    with scan_progress("auto", what="compiling") as told:
        return compile_model(model, images, **asked, told=told)


def _size(path: str) -> tuple[int, ...]:
    """Of the one image that a file's program takes."""
    inputs = list(load_program(path).graph.inputs.values())
    if len(inputs) != 1 or len(inputs[0].size) != 4:
        raise OptionError(
            "bench: it times programs that take one batch of images.",
            "Time others in Python: striate.rivals.race.race.",
            inputs=[given.size for given in inputs],
        )
    return inputs[0].size[1:]


def _refuse(
    batch: tuple[int, ...], threads: tuple[int, ...], image_size: tuple[int, int] | None, turns: int, out: str
) -> None:
    if min((turns, *batch, *threads, *(image_size or ()))) < 1 or not batch or not threads:
        raise OptionError(
            "bench: images, their sizes, threads and turns are one or more.",
            "Pass numbers such as --batch 1 8 --threads 1 2 --turns 5.",
            batch=batch,
            threads=threads,
            turns=turns,
            image_size=image_size,
        )
    if out and not Path(out).absolute().parent.is_dir():
        raise OptionError("bench: the folder of --out does not exist.", "Make it, or name another file.", out=out)


def _show(given: str, found: Race) -> None:
    """Print a table, the fastest first; below it who was left out, and why."""
    table = show._table(
        f"{given}, batch {found.batch}, {found.threads} thread{'s' * (found.threads > 1)}",
        {"": "left", "milliseconds": "right", "time": "left", "takes": "right"},
    )
    slowest = max(map(found.median, found.seconds))
    for name in sorted(found.seconds, key=found.median):
        bar = ProgressBar(total=slowest, completed=found.median(name), width=30, style="none")
        takes = "" if name == OURS else f"{found.ratio(name):.2f} times as long"
        style = "bold" if name == OURS else ""
        table.add_row(show._text(name, style), f"{found.median(name) * 1e3:.2f}", bar, takes)
    show._print(table)
    for name, reason in found.left_out.items():
        print(f"without {name}: {reason}")
    print()


def _write(path: Path, given: str, image_size: tuple[int, int], races: list[Race]) -> None:
    content = {
        "network": given,
        "image_size": image_size,
        "machine": asdict(machine()),
        "torch": torch.__version__,
        "races": [found.to_json() for found in races],
    }
    with explained("bench", path):
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"times     {path}")
