"""Linear layers over the last of many axes are linear layers of rows, which the core has: as in transformers."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from striate.compile.graph import Graph, Node
from striate.compile.interpret import shapes

__all__ = ["find_rows"]


def find_rows(graph: Graph) -> Graph:
    """Give linear layers their input as rows, and its shape back to what they give; between two, rows stay rows."""
    if not any(node.op == "linear" and _may_have_axes(graph, node) for node in graph.nodes):
        return graph
    found = _Rows(graph)
    return replace(graph, nodes=tuple(new for node in graph.nodes for new in found.written(node)))


def _may_have_axes(graph: Graph, node: Node) -> bool:
    """Tell, without computing any shape, whether a linear layer's input may have more than two axes."""
    by_name = graph.by_name()
    source = by_name.get(node.reads[0])
    while source is not None and source.op in ("linear", "activation"):
        source = by_name.get(source.reads[0])
    return source is None or source.op != "flatten"


class _Rows:
    """What is known of values as the graph is read.

    Args:
        graph: Which.
    """

    def __init__(self, graph: Graph) -> None:
        self._shapes, self._constants = shapes(graph), graph.constants
        self._rows: dict[str, str] = {}  # of some values, the same as rows
        self._sizes: dict[str, tuple[str, ...]] = {}  # and the sizes of their axes between the first and the last

    def written(self, node: Node) -> Iterator[Node]:
        """Give what takes a node's place."""
        source = node.reads[0] if node.reads else ""
        shape = self._shapes.get(source, ())
        if node.op != "linear" or len(shape) < 3 or node.inputs[1] not in self._constants:
            yield node
            return
        if source not in self._rows:
            self._rows[source] = f"{source}.rows"
            yield _operator(self._rows[source], "aten.reshape.default", (source,), (-1, shape[-1]))
            self._sizes[source] = tuple(f"{source}.rows.size.{axis}" for axis in range(1, len(shape) - 1))
            for axis, size in enumerate(self._sizes[source], 1):
                yield _operator(size, "aten.sym_size.int", (source,), axis)
        rows = replace(node, name=f"{node.name}.rows", inputs=(self._rows[source], *node.inputs[1:]))
        self._rows[node.name], self._sizes[node.name] = rows.name, self._sizes[source]
        sizes = self._sizes[source]
        yield rows
        whole = (-1, *({"input": place} for place in range(1, len(sizes) + 1)), self._shapes[node.name][-1])
        yield _operator(node.name, "aten.reshape.default", (rows.name, *sizes), whole)


def _operator(name: str, target: str, inputs: tuple[str, ...], argument: Any) -> Node:
    """One of PyTorch's that takes its first input and what is given."""
    return Node(name, "torch", inputs, {"target": target, "args": ({"input": 0}, argument), "kwargs": {}})
