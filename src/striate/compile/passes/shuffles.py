"""Channels that are split into groups, exchanged and joined again are one operation: a shuffle.

Source:
    Zhang et al., "ShuffleNet: An extremely efficient convolutional neural network for mobile devices", CVPR 2018,
    section 3.1.
"""

from striate.compile.graph import Graph, Node
from striate.compile.torch_operator import filled

__all__ = ["find_shuffles"]


def find_shuffles(graph: Graph) -> Graph:
    """Replace unflatten, transpose and flatten of the channels' axis by a shuffle."""
    nodes, found = graph.by_name(), dict[str, Node]()
    for joined in graph.nodes:
        exchanged = _source(nodes, joined, "aten.flatten.using_ints", (1, 2))
        split = exchanged and (
            _source(nodes, exchanged, "aten.transpose.int", (1, 2))
            or _source(nodes, exchanged, "aten.transpose.int", (2, 1))
            or _source(nodes, exchanged, "aten.permute.default", ([0, 2, 1, 3, 4],))
        )
        if split and split.op == "torch" and split.options["target"] == "aten.unflatten.int":
            source, axis, parts = filled(split.options["args"], split.inputs)
            if axis == 1 and len(parts) == 2 and isinstance(parts[0], int):
                found[joined.name] = Node(joined.name, "shuffle", (source,), {"groups": parts[0]})
    return graph.replaced(found)


def _source(nodes: dict[str, Node], node: Node, target: str, rest: tuple[object, ...]) -> Node | None:
    """The operation before, if a node is a call of `target` on it with such arguments."""
    if node.op != "torch" or node.options["target"] != target:
        return None
    source, *more = filled(node.options["args"], node.inputs)
    return nodes.get(source) if tuple(more) == rest else None
