"""A graph cut into parts that the core computes and parts that are left to PyTorch."""

from collections.abc import Mapping
from typing import NamedTuple

from striate.compile.graph import Given, Graph, Node
from striate.compile.interpret import shapes

__all__ = ["Cut", "partition"]


class Cut(NamedTuple):
    """A part.

    Args:
        graph: Its operations; what it reads of other parts are its inputs, what they read its outputs.
        core: Whether the core computes it.
    """

    graph: Graph
    core: bool


def partition(graph: Graph, left: Mapping[str, str]) -> tuple[Cut, ...]:
    """Cut a graph into parts as large as can be, in an order in which they can run.

    Args:
        graph: Any.
        left: Operations that are PyTorch's, by name, and why.

    Example:
        >>> relu = Node("a", "activation", ("x",), {"activation": ("relu",)})
        >>> mean = Node("b", "torch", ("a",), {"target": "aten.mean.default", "args": ({"input": 0},), "kwargs": {}})
        >>> graph = Graph({"x": Given((1, 3))}, (relu, mean), ("b",), {})
        >>> [(cut.core, cut.graph.outputs) for cut in partition(graph, {"b": "why"})]
        [(True, ('a',)), (False, ('b',))]
    """
    groups: list[tuple[bool, list[Node]]] = []
    place = dict.fromkeys(graph.inputs, 0)
    for node in graph.nodes:
        core = node.name not in left
        # The first part of its kind that begins no earlier than what it reads is there.
        earliest = max((place[name] for name in node.reads if name in place), default=0)
        number = next((i for i in range(earliest, len(groups)) if groups[i][0] == core), len(groups))
        if number == len(groups):
            groups.append((core, []))
        groups[number][1].append(node)
        place[node.name] = number
    if len(groups) == 1:
        return (Cut(graph, groups[0][0]),)
    sizes = shapes(graph)
    return tuple(Cut(_graph(graph, nodes, sizes), core) for core, nodes in groups)


def _graph(whole: Graph, nodes: list[Node], sizes: Mapping[str, tuple[int, ...]]) -> Graph:
    own = {node.name for node in nodes}
    read = dict.fromkeys(name for node in nodes for name in node.reads if name not in own)
    elsewhere = {name for node in whole.nodes if node.name not in own for name in node.reads} | {*whole.outputs}
    constants = {name: whole.constants[name] for name in read if name in whole.constants}
    inputs = {
        name: Given(sizes.get(name, ()), tuple(range(len(sizes.get(name, ())))))
        for name in read
        if name not in constants
    }
    outputs = tuple(node.name for node in nodes if node.name in elsewhere)
    return Graph(inputs, tuple(nodes), outputs, constants)
