"""passes.unread: what no output follows from goes."""

import torch
from graphs import chain

from striate.compile.graph import Node
from striate.compile.passes.unread import drop_unread

RELU = {"activation": ("relu",)}


def test_what_nothing_reads_goes():
    """With what it alone read, and its constants; inputs stay."""
    nodes = (
        Node("a", "activation", ("x",), RELU),
        Node("b", "mul", ("a", "w"), {}),
        Node("y", "activation", ("x",), RELU),
    )
    graph = drop_unread(chain(*nodes, constants={"w": torch.ones(1)}))
    assert [node.name for node in graph.nodes] == ["y"]
    assert not graph.constants
    assert list(graph.inputs) == ["x"]
