"""A part of a network that is left to PyTorch; what follows from sizes alone is computed once for each size."""

import threading
from collections import OrderedDict
from collections.abc import Collection, Hashable, Sequence
from dataclasses import replace
from typing import Any, Final

from jaxtyping import Shaped
from torch import Tensor

from striate.compile.graph import Given, Graph
from striate.compile.interpret import run

__all__ = ["Left", "follows_from_sizes"]

# What these read of their first argument is its size, and of what kind it is.
_OF_SIZE: Final = {
    "aten.sym_size.int",
    "aten.zeros_like.default",
    "aten.ones_like.default",
    "aten.new_zeros.default",
    "aten.new_ones.default",
    "aten.new_full.default",
}

_MOST_SIZES: Final = 16  # as of plans


def follows_from_sizes(graph: Graph) -> set[str]:
    """Name the values that follow from the sizes of a network's inputs and from how these lie.

    Args:
        graph: The whole network.
    """
    known, found = {*graph.constants}, set[str]()
    for node in graph.nodes:
        others = node.reads[1:] if node.options.get("target") in _OF_SIZE else node.reads
        if all(name in known or name in found for name in others):
            found.add(node.name)
    return found


class Left:
    """A graph that PyTorch runs, operation by operation. Any number of threads may run it at a time.

    The masks of shifted windows and grids of positions follow from sizes alone, and are not computed at every run.

    Args:
        graph: Any.
        sized: Values that follow from the sizes of the network's inputs, by `follows_from_sizes`.
        returned: Values that leave the network; who gets them may write into them.
        keeps: Whether what follows from sizes is kept, which takes memory.

    Example:
        >>> import torch
        >>> from striate.compile.graph import Node
        >>> zeros = {"target": "aten.zeros_like.default", "args": ({"input": 0},), "kwargs": {}}
        >>> less = {"target": "aten.sub.Tensor", "args": ({"input": 0}, {"input": 1}), "kwargs": {}}
        >>> nodes = Node("zeros", "torch", ("x",), zeros), Node("y", "torch", ("zeros", "x"), less)
        >>> graph = Graph({"x": Given((2,), (0,))}, nodes, ("y",), {})
        >>> Left(graph, follows_from_sizes(graph)).run([torch.ones(3)], sizes=(3,))
        (tensor([-1., -1., -1.]),)
    """

    def __init__(
        self, graph: Graph, sized: Collection[str] = (), *, returned: Collection[str] = (), keeps: bool = True
    ) -> None:
        sized = sized if keeps else ()
        rest = tuple(node for node in graph.nodes if node.name not in sized)
        read = {name for node in rest for name in node.reads} | {*graph.outputs}
        known = tuple(node.name for node in graph.nodes if node.name in sized and node.name in read)
        self._first = replace(graph, outputs=(*graph.outputs, *known))
        self._later = replace(graph, nodes=rest, inputs={**graph.inputs, **dict.fromkeys(known, Given(()))})
        self._returned = {number for number, name in enumerate(graph.outputs) if name in returned}
        self._known: OrderedDict[Hashable, tuple[Any, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def run(self, inputs: Sequence[Shaped[Tensor, "..."]], sizes: Hashable) -> tuple[Shaped[Tensor, "..."], ...]:
        """Run it on inputs of any size that the graph takes.

        Args:
            inputs: Its own.
            sizes: Of the network's inputs, and how they lie.
        """
        known = self._known.get(sizes)
        if known is None:
            found = run(self._first, *inputs)
            outputs = len(self._later.outputs)
            found, known = found[:outputs], found[outputs:]
            self._keep(sizes, known)
        else:
            found = run(self._later, *inputs, *known)
        return self._own(found, known) if known and self._returned else found

    def _keep(self, sizes: Hashable, known: tuple[Any, ...]) -> None:
        with self._lock:
            while len(self._known) >= _MOST_SIZES:
                self._known.popitem(last=False)
            self._known[sizes] = known

    def _own(self, found: tuple[Any, ...], known: tuple[Any, ...]) -> tuple[Any, ...]:
        """Copy what leaves the network and lies in what is kept."""
        kept = {_memory(value) for value in known}
        return tuple(
            value.clone() if number in self._returned and _memory(value) in kept else value
            for number, value in enumerate(found)
        )


def _memory(value: Any) -> int | None:
    return value.untyped_storage().data_ptr() if isinstance(value, Tensor) else None
