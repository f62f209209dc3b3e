"""A graph cut into parts that the core computes and parts that are left to PyTorch."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from striate.compile.graph import Given, Graph, Node
from striate.compile.interpret import shapes

__all__ = ["Cut", "partition", "with_idle"]

# What is worth a change of hands: a part without any of these stays with PyTorch.
_WORTH: Final = {"conv", "linear", "max_pool", "avg_pool", "response_norm"}


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
    groups = _groups(graph, left)
    if len(groups) == 1:
        return (Cut(graph, groups[0][1]),)
    sizes = shapes(graph)
    return tuple(Cut(_graph(graph, nodes, sizes), core) for nodes, core in groups)


def with_idle(graph: Graph, left: Mapping[str, str]) -> dict[str, str]:
    """Leave to PyTorch as well what is too little between other operations of its own.

    Args:
        graph: Any.
        left: Operations that are PyTorch's already, by name, and why.

    Returns:
        These and more.

    Example:
        >>> relu = Node("a", "activation", ("x",), {"activation": ("relu",)})
        >>> mean = Node("b", "torch", ("a",), {"target": "aten.mean.default", "args": ({"input": 0},), "kwargs": {}})
        >>> graph = Graph({"x": Given((1, 3))}, (relu, mean), ("b",), {})
        >>> with_idle(graph, {"b": "why"})["a"]
        'there is too little of it beside what PyTorch runs'
    """
    found = dict(left)
    while found:
        idle = [
            node.name
            for nodes, core in _groups(graph, found)
            if core and not any(node.op in _WORTH for node in nodes)
            for node in nodes
        ]
        if not idle:
            break
        found |= dict.fromkeys(idle, "there is too little of it beside what PyTorch runs")
    return found


def _groups(graph: Graph, left: Mapping[str, str]) -> list[tuple[list[Node], bool]]:
    groups: list[tuple[list[Node], bool]] = []
    place = dict.fromkeys(graph.inputs, 0)
    for node in graph.nodes:
        core = node.name not in left
        # The first part of its kind that begins no earlier than what it reads is there.
        earliest = max((place[name] for name in node.reads if name in place), default=0)
        number = next((i for i in range(earliest, len(groups)) if groups[i][1] == core), len(groups))
        if number == len(groups):
            groups.append(([], core))
        groups[number][0].append(node)
        place[node.name] = number
    return groups


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
