"""The command that makes a network one program."""

from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import nn

from striate.compile.compiled import compile as compile_model
from striate.compile.compiled import load_program
from striate.engine.choice import Accuracy, Memory
from striate.errors import OptionError
from striate.evaluate import load
from striate.models import MODELS, create
from striate.train import Where
from striate.train.scanning import scan_progress
from striate.train.threads import set_threads

__all__ = ["compile_network", "network_of"]


def compile_network(  # noqa: PLR0913 - each is a flag
    given: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN|MODEL|FILE")],
    *,
    weights: str = "",
    out: str = "",
    image_size: tuple[int, int] | None = None,
    batch: int = 1,
    accuracy: Accuracy = "default",
    tune: float = 0.0,
    memory: Memory = "fast",
    explain: bool = False,
    threads: int = 0,
) -> int:
    """Make a network one program, compare its answers with the network's, and write it to a file that needs neither.

    Args:
        given: A run's folder, the name of a network, or a file that this command wrote, to be explained.
        weights: Of a network that is named, as `striate weights list` has them; without, they are random.
        out: The file; otherwise net.striate in the run's folder, or MODEL.striate here.
        image_size: Height and width of the example; the network's own if not given.
        batch: Examples in it.
        accuracy: How far from the exact sums results may be: as another order of adding, twice as far, ten times.
        tune: Seconds in which to measure which algorithms are the fastest here; 0 for none: what is known decides.
        memory: small for as little as can be, which is slower; a file remembers it.
        explain: Say what the program does, operation by operation, with times.
        threads: Threads that compute; 0 for PyTorch's own choice.
    """
    if batch < 1 or min(image_size or (1,)) < 1:
        raise OptionError(
            "compile: the example has one image or more, each of one pixel or more.",
            "Pass numbers such as --batch 1 --image-size 224 224.",
            batch=batch,
            image_size=image_size,
        )
    with set_threads(Where(threads=threads).threads):
        if given not in MODELS and Path(given).is_file():
            print(load_program(given).explain())
            return 0
        network, size, home = network_of("compile", given, weights)
        height, width = image_size or size[1:]
        with scan_progress("auto", what="compiling") as told:
            example = torch.zeros(batch, size[0], height, width)
            program = compile_model(network, example, accuracy=accuracy, tune=tune, memory=memory, told=told)
        path = program.save(out or home)
        said = program.explain(example) if explain else None
    (takes,) = program.graph.inputs.values()
    free = {0: "examples", 2: "height", 3: "width"}
    print(f"program   {path}\nfree      {', '.join(free[axis] for axis in takes.free)}")
    if takes.reason:
        print(f"          not more: {takes.reason}")
    print(f"core      {len(program.graph.nodes) - len(program.left)} of {len(program.graph.nodes)} operations")
    if said:
        print(said)
    return 0


def network_of(command: str, given: str, weights: str) -> tuple[nn.Module, tuple[int, ...], Path]:
    """Find the network, the size of its images, and where its program belongs; `command` is who asks."""
    if given in MODELS:
        network = create(given, weights=weights) if weights else create(given)
        return network.eval(), (MODELS[given].channels, *MODELS[given].image_size), Path(f"{given}.striate")
    if weights:
        raise OptionError(
            f"{command}: a run has weights of its own.", "Leave --weights out, or name a network.", weights=weights
        )
    if not Path(given).exists():
        raise OptionError(
            f"{command}: {given!r} is neither a run's folder nor a network.",
            f"Name a folder such as runs/digits-lenet5, or one of: {', '.join(MODELS)}.",
        )
    found = load(given)
    return found.model, (found.preprocess.channels, *found.preprocess.image_size), found.run.path / "net.striate"
