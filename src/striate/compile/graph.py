"""A network as a graph of operations: what capture gives, the passes rewrite, and the core is planned from.

It is plain data, so it can be written to a file. Sizes that follow from the input are not in it: one graph serves every
batch, height and width that its inputs leave free.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from jaxtyping import Shaped
from torch import Tensor

from striate.errors import OptionError

__all__ = ["Given", "Graph", "Node"]


class Given(NamedTuple):
    """An input.

    Args:
        size: Of the example that the network was captured with: `N C H W` of images.
        free: Axes whose size may be another one.
        step: Of the sizes of the free axes but the first: those that differ from the example's by multiples of it.
        reason: Why the other axes are not free.
    """

    size: tuple[int, ...]
    free: tuple[int, ...] = ()
    step: int = 1
    reason: str = ""


@dataclass(frozen=True)
class Node:
    """One operation.

    Args:
        name: Of the value that it gives. No two values have the same.
        op: Which operation: a key of the table in `operations`.
        inputs: Names of values and constants; None where there is none, as where a convolution has no bias.
        options: As JSON has them: numbers, strings, None, and tuples and mappings of them.
    """

    name: str
    op: str
    inputs: tuple[str | None, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """The inputs that there are."""
        return tuple(name for name in self.inputs if name is not None)


@dataclass(frozen=True)
class Graph:
    """A network, in evaluation mode.

    Args:
        inputs: By name, in the order in which they are passed.
        nodes: In an order in which they can run.
        outputs: Names of values, in the order in which they are returned.
        constants: Weights by name, as the model has them.
        returns: How the model returns them, in tuples and mappings, `{"output": 0}` for the first of the outputs. None:
            a single one by itself, several as a tuple.

    Raises:
        OptionError: A name is used twice, or before there is a value of that name.

    Example:
        >>> relu = Node("y", "activation", ("x",), {"activation": ("relu",)})
        >>> graph = Graph({"x": Given((1, 3, 8, 8), free=(0, 2, 3))}, (relu,), ("y",), {})
        >>> graph.node("y").op, graph.readers()["x"]
        ('activation', 1)
    """

    inputs: Mapping[str, Given]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    constants: Mapping[str, Shaped[Tensor, "..."]]
    returns: Any = None

    def __post_init__(self) -> None:
        known = {*self.inputs, *self.constants}
        if len(known) < len(self.inputs) + len(self.constants):
            twice = sorted({*self.inputs} & {*self.constants})
            raise OptionError("graph: a name is an input's and a constant's.", "Give each its own.", names=twice)
        for node in self.nodes:
            self._require(node.name, node.reads, known)
            if node.name in known:
                raise OptionError("graph: two values have the same name.", "Give each its own.", name=node.name)
            known.add(node.name)
        self._require("the outputs", self.outputs, known)

    def node(self, name: str) -> Node:
        """Find the operation that gives a value.

        Raises:
            KeyError: None does: it is an input, a constant or unknown.
        """
        return self.by_name()[name]

    def by_name(self) -> dict[str, Node]:
        """Give the operations by the names of their values."""
        return {node.name: node for node in self.nodes}

    def readers(self) -> Counter[str]:
        """Count how often each value is read; being returned counts as well."""
        return Counter([name for node in self.nodes for name in node.reads] + list(self.outputs))

    def replaced(
        self, nodes: Mapping[str, Node] | None = None, constants: Mapping[str, Shaped[Tensor, "..."]] | None = None
    ) -> "Graph":
        """Give the graph with other operations in the places of some, by name, and more constants."""
        nodes = nodes or {}
        found = tuple(nodes.get(node.name, node) for node in self.nodes)
        return replace(self, nodes=found, constants={**self.constants, **(constants or {})})

    def without(self, same: Mapping[str, str]) -> "Graph":
        """Give the graph without some operations, whose readers read what is the same instead.

        Args:
            same: By the name of the value that goes, that of the one which takes its place, and may go as well.
        """

        def kept(name: str) -> str:
            while name in same:
                name = same[name]
            return name

        nodes = tuple(
            replace(node, inputs=tuple(name and kept(name) for name in node.inputs))
            for node in self.nodes
            if node.name not in same
        )
        return replace(self, nodes=nodes, outputs=tuple(map(kept, self.outputs)))

    @staticmethod
    def _require(reader: str, names: Sequence[str], known: set[str]) -> None:
        missing = [name for name in names if name not in known]
        if missing:
            raise OptionError(
                "graph: a value is read that nothing before gives.",
                "Put the operation that gives it first.",
                reader=reader,
                missing=", ".join(missing),
            )
