"""The core's programs, as `compile` puts them together: what computes a convolution, and the form of its weights.

A program's memories are numbered: the first is what lies between the layers, then come the inputs, then the outputs.
"""

from dataclasses import replace
from math import prod
from typing import Final, NamedTuple, TypeAlias

from jaxtyping import Float32
from torch import Tensor

from striate.engine import memory
from striate.engine.choice import chosen
from striate.engine.core import core
from striate.engine.estimate import seconds
from striate.engine.images import Pair, Steps
from striate.engine.isa import isa
from striate.engine.limits import limits
from striate.engine.packed import _prepared, form
from striate.engine.plan import planned
from striate.engine.problem import Problem

__all__ = ["BENDS", "Bent", "Chosen", "Place", "Source", "arena", "bent", "choose", "key", "new", "pooling", "prepared"]

Place: TypeAlias = tuple[int, int]
"""A memory, and floats from its beginning."""

Bent: TypeAlias = tuple[int, float, float]
"""A function that numbers are bent by, and its own numbers, as the core has them."""

Source: TypeAlias = tuple[Place, int, int, int]
"""Numbers of a map: their place, or where they are constant their address; floats to the next image and pixel."""

# Channels are filled up to whole vectors: that much more is no larger a form. And what takes no memory worth saving.
_LARGER: Final = 1.25
_FEW: Final = 1 << 16

BENDS: Final = (
    "relu",
    "clip",
    "leaky_relu",
    "sigmoid",
    "tanh",
    "silu",
    "gelu",
    "gelu_tanh",
    "hardswish",
    "hardsigmoid",
    "elu",
)
"""The functions that the core bends numbers by, in its order."""


class Chosen(NamedTuple):
    """What computes a convolution in a program.

    Args:
        place: In the core's table.
        algorithm: Its name.
        seconds: That it is expected to take.
        how: "forced", "measured", "locked" or "estimated".
        others: The core's that could as well, the one first that is expected to be fastest.
    """

    place: int
    algorithm: str
    seconds: float
    how: str
    others: tuple[str, ...] = ()


def bent(name: str, *numbers: float) -> Bent:
    """Name a function that numbers are bent by, as the core has it.

    Args:
        name: One of `BENDS`.
        numbers: Its own, at most two.

    Example:
        >>> bent("clip", 0.0, 6.0), bent("relu")
        ((1, 0.0, 6.0), (0, 0.0, 0.0))
    """
    a, b = (*numbers, 0.0, 0.0)[:2]
    return BENDS.index(name), float(a), float(b)


def new():
    """Give a program of the core's that has no instructions yet.

    Raises:
        OptionError: STRIATE_ISA names a set that cannot be used.
        StriateError: The core is not built.

    Example:
        >>> new().size
        0
    """
    isa()
    return core().Program()


def pooling(size: tuple[int, int, int, int], positions: Pair, steps: Steps):
    """Give a pooling of images whose channels lie side by side, as the core has it.

    Args:
        size: Of the input, `N C H W`.
        positions: Down and across.
        steps: Of the window.
    """
    return core().Pool(size, positions, *steps, True)


def choose(problem: Problem, threads: int, algorithm: str = "") -> Chosen:
    """Choose the core's algorithm for a convolution, as `use` and `accuracy` ask.

    The choice depends neither on the batch nor on the threads, so that bits do not either. Where memory is to be small,
    none is taken whose form of the weight is larger than the weight, if there is another.

    Args:
        problem: What is computed.
        threads: That share it: for the seconds alone.
        algorithm: The one that is wanted, if it can; "" leaves the choice.

    Raises:
        OptionError: The algorithm that `use` forces cannot compute this.

    Example:
        >>> choose(Problem.of((8, 64, 56, 56), (64, 64, 3, 3), padding=(1, 1)), 1).algorithm
        'winograd-4x4'
    """
    alone = replace(problem, input=(1, *problem.input[1:]))
    plan = planned(alone, 1, chosen()._replace(torch=False), limits())
    ours = core().algorithms()
    able = {c.algorithm: c.seconds for c in plan.candidates if c.algorithm in ours and c.seconds is not None}
    if chosen().memory == "small" and plan.how != "forced":
        able = {name: each for name, each in able.items() if _is_small(ours.index(name), problem)} or able
    others = tuple(sorted(able, key=able.__getitem__))
    name, how = (plan.algorithm, plan.how) if plan.algorithm in able else (others[0], "estimated")
    if algorithm in able and how != "forced":
        name, how = algorithm, "measured"
    place = ours.index(name)
    return Chosen(place, name, seconds(place, problem, threads), how, others)


def _is_small(place: int, problem: Problem) -> bool:
    """Tell whether the form of a weight is about as small as the weight is, or small by itself."""
    numbers = form(place, problem).numbers
    return numbers <= _LARGER * prod(problem.weight) or numbers <= _FEW


def key(place: int, problem: Problem) -> tuple[object, ...]:
    """Say what the form depends on, in which an algorithm reads a weight: two of the same key are the same numbers."""
    return form(place, problem).key


def prepared(
    weight: Float32[Tensor, "K C R S"], place: int, problem: Problem, threads: int
) -> Float32[Tensor, "numbers"]:
    """Write a weight in the form that an algorithm of the core reads. It is kept nowhere.

    Args:
        weight: As PyTorch has it, in any memory layout.
        place: The algorithm's, in the core's table.
        problem: The convolution.
        threads: That share the work.
    """
    return _prepared(weight, form(place, problem), threads)


def arena(floats: int, scratch_bytes: int) -> tuple[Tensor, int, int]:
    """Find memory for a run: for what lies between the layers, and behind it for what algorithms keep meanwhile.

    Returns:
        What keeps it, and the addresses of both.

    Example:
        >>> kept, numbers, scratch = arena(100, 64)
        >>> numbers % 64, scratch - numbers, kept.nbytes
        (0, 448, 512)
    """
    line = 64
    numbers_bytes = -(-4 * floats // line) * line
    kept = memory.bytes_aligned(numbers_bytes + scratch_bytes)
    return kept, kept.data_ptr(), kept.data_ptr() + numbers_bytes
