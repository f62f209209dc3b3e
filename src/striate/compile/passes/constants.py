"""What depends on no input is computed once: weights that are made of others, grids of positions."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from striate.compile.graph import Graph
from striate.compile.interpret import run_node

__all__ = ["fold_constants"]


def fold_constants(graph: Graph) -> Graph:
    """Replace operations on constants by their results; those that are numbers and no tensor stay."""
    values: dict[str, Any] = dict(graph.constants)
    with torch.no_grad():
        for node in graph.nodes:
            if all(name in values for name in node.reads):
                values[node.name] = run_node(node, values)
    found = {name: value.detach() for name, value in values.items() if isinstance(value, Tensor)}
    nodes = tuple(node for node in graph.nodes if node.name not in found)
    return replace(graph, nodes=nodes, constants=found)
