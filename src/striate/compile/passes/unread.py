"""Operations and constants that nothing reads go."""

from dataclasses import replace

from striate.compile.graph import Graph

__all__ = ["drop_unread"]


def drop_unread(graph: Graph) -> Graph:
    """Keep what the outputs follow from; inputs stay, for whoever calls passes them."""
    read = set(graph.outputs)
    for node in reversed(graph.nodes):
        if node.name in read:
            read.update(node.reads)
    nodes = tuple(node for node in graph.nodes if node.name in read)
    constants = {name: tensor for name, tensor in graph.constants.items() if name in read}
    return replace(graph, nodes=nodes, constants=constants)
