"""From a model to a program, and from a file to one."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from jaxtyping import Float
from torch import Tensor, nn

from striate.compile.capture import capture
from striate.compile.graph_file import MOST, open_graph, owned
from striate.compile.outputs import tensors_of
from striate.compile.passes import simplified
from striate.compile.program import Program
from striate.compile.tracing import hookless
from striate.compile.tuning import tune as measure
from striate.compile.verify import verify
from striate.engine.choice import Accuracy, Memory
from striate.errors import OptionError

__all__ = ["compile", "load_program"]

# How much of the whole is done when; verifying is the rest.
_CAPTURED: Final = 30
_PLANNED: Final = 40
_TUNED: Final = 90
_ALL: Final = 100


def compile(  # noqa: A001 - it is what PyTorch calls it
    model: nn.Module,
    example: Float[Tensor, "..."] | Sequence[Float[Tensor, "..."]],
    *,
    accuracy: Accuracy | None = None,
    tune: float | None = None,
    memory: Memory = "fast",
    verified: bool = True,
    told: Callable[[int, int], None] | None = None,
) -> Program:
    """Make a whole network one program, which answers as the model does in evaluation mode, faster.

    The model is not changed. The program computes with its weights as they are now: compile anew what was trained on.

    Args:
        model: Any network.
        example: What it is called with: a batch, or a tuple of tensors. Only the sizes count, and most models leave
            the number of examples, and height and width, free.
        accuracy: How far from the exact sums results may be: "exact", "default" or "fast".
        tune: Seconds in which to measure, in the program itself, which algorithms are the fastest on this machine for
            inputs of the example's size; without, they are chosen by what is known and estimated.
        memory: "small" takes no algorithm that keeps a form of the weights much larger than they are, and gives the
            memory of a run back when it ends: slower, see docs/compile.md. What a model holds it holds all the same:
            the least is taken by a program that is loaded from a file.
        verified: Whether answers to the example, and to random numbers, are compared with the model's.
        told: Called now and then with how much is done, of how much.

    Returns:
        The program: call it as the model. `explain` says what it does, `save` writes it to a file.

    Raises:
        CaptureError: What the model computes depends on the numbers that it is given, or cannot be followed.
        DtypeError: The example is not float32.
        OptionError: The example is no batch, or there is no such use of memory.
        StriateError: The program answers otherwise than the model.

    Example:
        >>> import torch
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()).eval()
        >>> program = compile(model, torch.zeros(1, 3, 32, 32))
        >>> program(torch.zeros(5, 3, 40, 24)).shape
        torch.Size([5, 8, 38, 22])
    """
    _refuse_memory(memory)
    inputs: tuple[Tensor, ...] = (example,) if isinstance(example, Tensor) else tuple(example)
    told = told or (lambda done, total: None)
    told(0, _ALL)
    graph = capture(model, *inputs)
    told(_CAPTURED, _ALL)
    program = Program(simplified(graph), accuracy=accuracy, source=type(model).__name__, memory=memory)
    told(_PLANNED, _ALL)
    if tune:
        measure(program, inputs, tune, told=lambda part: told(_PLANNED + round(part * (_TUNED - _PLANNED)), _ALL))
    if verified:
        copy = hookless(model)
        verify(
            program.run,
            lambda *given: tensors_of(copy(*(x.clone() for x in given))),  # it may write into them
            inputs,
            accuracy=program.choice.accuracy,
        )
    told(_ALL, _ALL)
    return program


def load_program(path: str | Path, *, memory: Memory | None = None, most: int = MOST) -> Program:
    """Read a program that `Program.save` wrote. Nothing in the file can run code.

    Args:
        path: The file.
        memory: As for `compile`; None: as it was compiled. "small" leaves the weights in the file, from which they are
            read again when another size of input is met: the file must stay as it is as long as the program is used.
        most: Bytes that it may have, and that any value of the network may have at its example's size.

    Raises:
        OptionError: There is no such use of memory.
        ProgramError: The file is missing, damaged, newer than this version, or larger than it should be.
    """
    if memory is not None:
        _refuse_memory(memory)
    graph, about, forget = open_graph(path, most=most)
    known = _known(about)
    if memory is not None:
        known["memory"] = memory
    if known["memory"] == "small":
        return Program(graph, **known, forget=forget)
    return Program(owned(graph, forget), **known)


def _refuse_memory(memory: str) -> None:
    if memory not in get_args(Memory):
        raise OptionError(
            "program: memory is used as is fastest, or as little as can be.",
            f"Choose one of: {', '.join(get_args(Memory))}.",
            memory=repr(memory),
        )


def _known(about: dict[str, Any]) -> dict[str, Any]:
    """Of what a file says, what can be used; the rest is for people."""
    wanted: Any = about.get("wanted")
    plain = isinstance(wanted, dict) and all(isinstance(part, str) for pair in wanted.items() for part in pair)
    accuracy, memory = about.get("accuracy"), about.get("memory")
    return {
        "accuracy": accuracy if accuracy in ("exact", "default", "fast") else None,
        "memory": memory if memory in get_args(Memory) else "fast",
        "wanted": wanted if plain else None,
        "source": str(about.get("source", "")),
    }
