"""Operations that give what they are given go."""

from collections.abc import Callable
from typing import Final

from striate.compile.graph import Graph, Node

__all__ = ["drop_identities"]

# By operation, whether it changes nothing.
_NOTHING: Final[dict[str, Callable[[Node], bool]]] = {
    "activation": lambda node: node.options["activation"] is None,
    "concat": lambda node: len(node.inputs) == 1,
    "pad": lambda node: node.options["padding"] == ((0, 0), (0, 0)),
    "shuffle": lambda node: node.options["groups"] == 1,
    "upsample": lambda node: node.options["scale"] == (1, 1),
    "max_pool": lambda node: node.options["kernel_size"] == (1, 1) == node.options["stride"],
    "avg_pool": lambda node: node.options["kernel_size"] == (1, 1) == node.options["stride"],
}


def drop_identities(graph: Graph) -> Graph:
    """Let the readers of such a value read its input; a flattening of what has been flattened so is one as well."""
    nodes = graph.by_name()
    same: dict[str, str] = {}
    for node in graph.nodes:
        source = nodes.get(node.reads[0]) if node.reads else None
        again = source is not None and node.op == source.op == "flatten" and node.options == source.options
        if again or (node.op in _NOTHING and _NOTHING[node.op](node)):
            same[node.name] = node.reads[0]
    return graph.without(same)
