"""A shortcut is added as the convolution before it writes its result."""

from dataclasses import replace

from striate.compile.graph import Graph, Node
from striate.compile.interpret import shapes

__all__ = ["join_residuals"]

_MORE = 32  # samples, down and across: whatever a network halves stays whole


def join_residuals(graph: Graph) -> Graph:
    """Join an addition with the convolution of which it alone reads the result: the later one, if there are two.

    What is added has to be as large as the result, for every size of the inputs.
    """
    nodes, readers = graph.by_name(), graph.readers()
    places = {node.name: place for place, node in enumerate(graph.nodes)}

    def joins(name: str) -> bool:
        conv = nodes.get(name)
        plain = conv is not None and conv.op == "conv" and not conv.options.get("activation")
        return plain and conv is not None and conv.inputs[3] is None and readers[name] == 1

    found: dict[str, tuple[str, str]] = {}
    for node in graph.nodes:
        if node.op == "add" and len(set(node.reads)) == 2:
            convs = sorted(filter(joins, node.reads), key=places.__getitem__)
            if convs:
                (other,) = set(node.reads) - {convs[-1]}
                found[node.name] = (convs[-1], other)
    sizes = shapes(graph, *_larger(graph)) if found else {}
    for name, (conv, other) in found.items():
        if sizes.get(conv) == sizes.get(other):
            nodes[name] = _joined(nodes[conv], other, nodes[name])
    return graph.replaced({name: nodes[name] for name in found})


def _joined(conv: Node, residual: str, add: Node) -> Node:
    options = {**conv.options, "activation": add.options.get("activation")}
    return replace(conv, name=add.name, inputs=(*conv.inputs[:3], residual), options=options)


def _larger(graph: Graph) -> list[tuple[int, ...]]:
    """Sizes for which nothing is of one size by chance: two images at least, and larger ones."""
    return [
        tuple(size + (0 if axis not in given.free else _MORE if axis else 1) for axis, size in enumerate(given.size))
        for given in graph.inputs.values()
    ]
