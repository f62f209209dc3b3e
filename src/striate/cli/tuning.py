"""The commands of the planner: measure a network's convolutions, and say what computes each and why."""

import sys
from collections.abc import Sequence
from typing import Annotated

import torch
import tyro

from striate.cli import show
from striate.engine.decisions import Decision, decisions
from striate.engine.tuning import tune as tune_model
from striate.engine.wisdom import user_file
from striate.errors import OptionError
from striate.models import MODELS, create
from striate.train.scanning import scan_progress

__all__ = ["explain_plan", "tune"]

Model = Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
Size = Annotated[str, tyro.conf.arg(name="input", metavar="N,C,H,W")]


def tune(
    model: Model,
    *,
    size: Size = "",
    threads: int | None = None,
    backward: bool = False,
    channels_last: bool = False,
    again: bool = False,
) -> int:
    """Measure a network's convolutions, and remember which algorithm is the fastest for each on this machine.

    Args:
        model: A name that `striate models` lists.
        size: Sizes of the input: examples, channels, height, width; one of the paper's images if not given.
        threads: That share the work; as many as torch uses if not given.
        backward: Measure the gradients that training computes as well.
        channels_last: The input has a pixel's channels side by side in memory.
        again: Measure what is known already, too.
    """
    network, given = _network(model, size), _threads(threads)
    with scan_progress("auto", what="measuring") as told:
        found = tune_model(
            network,
            _size(model, size),
            threads=given,
            backward=backward,
            channels_last=channels_last,
            again=again,
            told=told,
        )
    _chosen(found.decisions)
    print(f"\nmeasured  {found.measured} of {len(found.decisions)}; the others were known, or leave no choice")
    print(f"threads   {given}\nkept      {user_file() or 'for this process alone'}")
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)
    return 0


def explain_plan(
    model: Model,
    *,
    size: Size = "",
    layer: str = "",
    threads: int | None = None,
    backward: bool = False,
    channels_last: bool = False,
) -> int:
    """Say for each convolution of a network what every algorithm makes of it, which one runs, and why. Times nothing.

    Args:
        model: A name that `striate models` lists.
        size: Sizes of the input: examples, channels, height, width; one of the paper's images if not given.
        layer: The one layer to explain, by its name in the network.
        threads: That share the work; as many as torch uses if not given.
        backward: Explain the gradients that training computes as well.
        channels_last: The input has a pixel's channels side by side in memory.
    """
    network, given = _network(model, size), _threads(threads)
    found = decisions(network, _size(model, size), threads=given, backward=backward, channels_last=channels_last)
    known = [name for decision in found for name in decision.layers]
    if layer and layer not in known:
        raise OptionError(
            f"explain-plan: {model} has no convolution called {layer!r}.",
            f"Choose one of: {', '.join(dict.fromkeys(known)) or 'none'}.",
        )
    for decision in found:
        if not layer or layer in decision.layers:
            _explained(decision)
    return 0


def _explained(decision: Decision) -> None:
    """Print a table of one problem's candidates."""
    plan = decision.plan
    print(f"{', '.join(decision.layers)}\n{plan.problem}, {plan.threads} thread{'s' * (plan.threads > 1)}")
    table = show._table("", {"algorithm": "left", "estimated": "right", "measured": "right", "": "left"})
    for candidate in plan.candidates:
        declined = f"declines: {candidate.declined}" if candidate.declined else ""
        said = f"<- {plan.how}" if candidate.algorithm == plan.algorithm else declined
        times = (candidate.seconds, decision.measured.get(candidate.algorithm))
        table.add_row(candidate.algorithm, *map(_time, times), show._text(said))
    show._print(table)
    print()


def _chosen(found: Sequence[Decision]) -> None:
    """Print a table of what is planned, a line a problem."""
    table = show._table(
        "", {"layers": "left", "what": "left", "algorithm": "left", "measured": "right", "PyTorch": "right"}
    )
    for decision in found:
        plan = decision.plan
        first, *others = decision.layers
        layers = f"{first} and {len(others)} more" if others else first
        times = map(_time, (decision.measured.get(plan.algorithm), decision.measured.get("torch")))
        table.add_row(show._text(layers), plan.problem.direction, plan.algorithm, *times)
    show._print(table)


def _time(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e3:.3f} ms"


def _size(model: str, size: str) -> tuple[int, ...]:
    """Read the sizes of an input; the paper's if there are none."""
    if not size:
        return (1, MODELS[model].channels, *MODELS[model].image_size)
    try:
        sizes = tuple(int(number) for number in size.split(","))
    except ValueError:
        sizes = ()
    if len(sizes) != 4 or min(sizes) < 1:
        raise OptionError(
            "tune: the input has four sizes: examples, channels, height, width.",
            "Give four numbers of 1 or more, as in --input 1,3,224,224.",
            input=size,
        )
    return sizes


def _network(model: str, size: str) -> torch.nn.Module:
    """Make the network, for an input of that size."""
    if model not in MODELS:
        return create(model)  # which says what there is
    _, channels, height, width = _size(model, size)
    return create(model, in_channels=channels, image_size=(height, width))


def _threads(threads: int | None) -> int:
    if threads is not None and threads < 1:
        raise OptionError("tune: there are no threads to work on.", "Give --threads of 1 or more.", threads=threads)
    return threads or torch.get_num_threads()
