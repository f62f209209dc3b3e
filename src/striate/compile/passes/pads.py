"""Zeros that are put around maps before a convolution are its own padding."""

from dataclasses import replace

from striate.compile.graph import Graph

__all__ = ["merge_pads"]


def merge_pads(graph: Graph) -> Graph:
    """Add the padding before a convolution to its own."""
    nodes = graph.by_name()
    for node in graph.nodes:
        before = nodes.get(node.inputs[0] or "") if node.inputs else None
        if node.op == "conv" and before is not None and before.op == "pad":
            both = zip(node.options["padding"], before.options["padding"], strict=True)
            padding = tuple((a + c, b + d) for (a, b), (c, d) in both)
            nodes[node.name] = replace(
                node, inputs=(before.inputs[0], *node.inputs[1:]), options={**node.options, "padding": padding}
            )
    return graph.replaced(nodes)
