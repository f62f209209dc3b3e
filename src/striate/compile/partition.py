"""A graph cut into parts: as large as can be what the core runs, and between these what is left to PyTorch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from striate.compile.graph import Given, Graph, Node
from striate.compile.interpret import shapes

__all__ = ["Part", "Refusals", "partition"]

Refusals: TypeAlias = Mapping[str, Callable[[Node, Graph], str | None]]
"""By operation, what says why the core does not run one; None if it does. What is not in it it never runs."""

# What is worth a change of hands: a part without any of these stays with PyTorch.
_WORTH: Final = {"conv", "linear", "max_pool", "avg_pool", "response_norm"}


@dataclass(frozen=True)
class Part:
    """Some operations of a graph, which run one after the other in the same hands.

    Args:
        graph: Its inputs are values of the whole's, by their names there, and so are its outputs.
        by_core: Whether the core runs it, or PyTorch.
        reasons: Why the core does not run it, by the operations' names.
    """

    graph: Graph
    by_core: bool
    reasons: Mapping[str, str]


def partition(graph: Graph, refusals: Refusals) -> tuple[Part, ...]:
    """Cut a graph so that few values change hands.

    Args:
        graph: After the passes.
        refusals: What the core runs.

    Returns:
        Parts in the order in which they run; none is empty.

    Example:
        >>> relu = Node("y", "activation", ("x",), {"activation": ("relu",)})
        >>> whole = Graph({"x": Given((1, 3, 8, 8))}, (relu,), ("y",), {})
        >>> [(part.by_core, dict(part.reasons)) for part in partition(whole, {})]
        [(False, {'y': 'the core has no such operation'})]
    """
    reasons = {node.name: reason for node in graph.nodes if (reason := _reason(node, graph, refusals))}
    while True:
        levels = _levels(graph, reasons)
        parts: dict[tuple[int, bool], list[Node]] = {}
        for node in graph.nodes:
            parts.setdefault((levels[node.name], node.name not in reasons), []).append(node)
        idle = [
            node.name
            for (_, by_core), nodes in parts.items()
            if by_core and len(parts) > 1 and not any(node.op in _WORTH for node in nodes)
            for node in nodes
        ]
        if not idle:
            break
        reasons |= dict.fromkeys(idle, "there is too little of it between what PyTorch runs")
    sizes = shapes(graph) if len(parts) > 1 else {}
    return tuple(
        Part(_part(graph, parts[key], sizes) if len(parts) > 1 else graph, key[1], _of(parts[key], reasons))
        for key in sorted(parts)
    )


def _reason(node: Node, graph: Graph, refusals: Refusals) -> str | None:
    refuses = refusals.get(node.op)
    return refuses(node, graph) if refuses else "the core has no such operation"


def _levels(graph: Graph, reasons: Mapping[str, str]) -> dict[str, int]:
    """How often hands change on the way to each operation. Those of one level and the same hands can run together."""
    levels: dict[str, int] = {}
    for node in graph.nodes:
        before = (levels[name] + ((name in reasons) != (node.name in reasons)) for name in node.reads if name in levels)
        levels[node.name] = max(before, default=0)
    return levels


def _part(graph: Graph, nodes: list[Node], sizes: Mapping[str, tuple[int, ...]]) -> Graph:
    own = {node.name for node in nodes}
    read = dict.fromkeys(name for node in nodes for name in node.reads)
    taken = [name for name in read if name not in own and name not in graph.constants]
    elsewhere = {name for node in graph.nodes if node.name not in own for name in node.reads} | {*graph.outputs}
    outputs = tuple(node.name for node in nodes if node.name in elsewhere)
    inputs = {name: graph.inputs.get(name, Given(sizes.get(name, ()))) for name in taken}
    constants = {name: graph.constants[name] for name in read if name in graph.constants}
    return Graph(inputs, tuple(nodes), outputs, constants)


def _of(nodes: list[Node], reasons: Mapping[str, str]) -> dict[str, str]:
    return {node.name: reasons[node.name] for node in nodes if node.name in reasons}
