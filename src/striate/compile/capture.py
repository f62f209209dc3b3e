"""A model as a graph, without a change in the model, and for as many sizes of its inputs as it allows."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import count
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate.compile.alike import alike
from striate.compile.builder import built
from striate.compile.graph import Graph
from striate.compile.sizes import Differs, unified
from striate.compile.tracing import hookless, refused, traced
from striate.errors import DtypeError, OptionError

__all__ = ["capture"]

# How much larger the second example is, down and across, and in which steps the size is free then. Odd differences
# first; a network that halves and doubles its maps again allows for none but multiples.
_GROWN: Final = (((37, 50), 1), ((32, 64), 32), ((0, 0), 1))


def capture(model: nn.Module, *example: Float[Tensor, "..."]) -> Graph:
    """Capture what a model computes in evaluation mode.

    It is not run, and not changed. What it computes is followed for the example's sizes and for larger ones; where
    both are the same, the number of examples, and height and width, are free.

    Args:
        model: Any network.
        example: Its inputs, of which only the sizes count.

    Returns:
        Its graph. Inputs say which axes are free, and if some are not, why.

    Raises:
        CaptureError: What it computes depends on the numbers that it is given, or it calls what no graph may have.
        DtypeError: An input is not float32.
        OptionError: An input is no batch.

    Example:
        >>> graph = capture(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), torch.zeros(1, 3, 32, 32))
        >>> [node.op for node in graph.nodes], next(iter(graph.inputs.values())).free
        (['conv', 'activation'], (0, 2, 3))
    """
    _check(example)
    sizes = [tuple(tensor.shape) for tensor in example]
    with refused(model, example[0]):
        model = hookless(model)
        found, reason = _free(model, sizes)
        found = _graph(model, sizes) if found is None else found
    given = zip(found.inputs.items(), sizes, strict=True)
    inputs = {name: one._replace(size=size, reason=reason) for (name, one), size in given}
    return replace(found, inputs=inputs)


def _free(model: nn.Module, sizes: Sequence[tuple[int, ...]]) -> tuple[Graph | None, str]:
    """The graph for as many sizes as there is one for, and why not for more."""
    # A single example is one by chance: what is counted in examples could not be told from what is not.
    several = [(max(2, batch), *rest) for batch, *rest in sizes]
    reason, first = "", None
    for grown, step in _GROWN:
        larger = [_larger(size, grown) for size in several]
        try:
            first = first or _graph(model, several)
            same = alike(model, first, several, larger)
            return unified(first, _resized(first, larger) if same else _graph(model, larger), step), reason
        except Differs as error:
            reason = reason or f"for {_written(larger)} it computes something else: {error}"
        except Exception as error:  # whatever a model's code raises, and PyTorch while it follows it
            lines = str(error).splitlines() or [""]
            reason = reason or f"for {_written(larger)} it cannot be followed: {type(error).__name__}: {lines[0]}"[:300]
        if first is None:
            break
    return None, reason


def _graph(model: nn.Module, sizes: Sequence[tuple[int, ...]]) -> Graph:
    tensors = {
        **dict(model.named_parameters(remove_duplicate=False)),
        **dict(model.named_buffers(remove_duplicate=False)),
    }
    return built(traced(model, *map(torch.zeros, sizes)), tensors)


def _resized(graph: Graph, sizes: Sequence[tuple[int, ...]]) -> Graph:
    given = zip(graph.inputs.items(), sizes, strict=True)
    return replace(graph, inputs={name: one._replace(size=size) for (name, one), size in given})


def _larger(size: tuple[int, ...], grown: tuple[int, int]) -> tuple[int, ...]:
    """A larger size, each axis by another factor, which tells of a number from which of them it follows."""
    found, factors = list(size), set[Fraction]()
    for axis, by in ((2, grown[0]), (3, grown[1]), (0, 1)):
        if by and (axis == 0 or len(size) == 4):
            larger = next(n for n in count(size[axis] + by, by) if Fraction(n, size[axis]) not in factors)
            factors.add(Fraction(larger, size[axis]))
            found[axis] = larger
    return tuple(found)


def _written(sizes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(" x ".join(map(str, size)) for size in sizes)


def _check(example: Sequence[Tensor]) -> None:
    if not example or any(tensor.ndim < 2 or 0 in tensor.shape for tensor in example):
        raise OptionError(
            "capture: the example is not a batch.",
            "Pass images as (N, C, H, W), one at least.",
            example=", ".join(str(tuple(tensor.shape)) for tensor in example) or "nothing",
        )
    kinds = {tensor.dtype for tensor in example} - {torch.float32}
    if kinds:
        raise DtypeError(
            "capture: what is compiled computes in float32.",
            "Convert the example, and the model: model.float().",
            example=", ".join(map(str, sorted(kinds, key=str))),
        )
