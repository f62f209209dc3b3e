"""An activation ends the operation before it, which then writes its result once."""

from dataclasses import replace
from typing import Final

from striate.compile.graph import Graph

__all__ = ["join_activations"]

_ENDED: Final = {"conv", "linear", "add", "scale"}


def join_activations(graph: Graph) -> Graph:
    """Join an activation with what it alone reads."""
    nodes, readers = graph.by_name(), graph.readers()
    for node in graph.nodes:
        before = nodes.get(node.reads[0]) if node.op == "activation" else None
        if before is None or before.op not in _ENDED or before.options.get("activation") or readers[before.name] > 1:
            continue
        nodes[node.name] = replace(before, name=node.name, options={**before.options, **node.options})
    return graph.replaced(nodes)
