"""A graph cut into parts of the core's and of PyTorch's."""

import torch
from small_graphs import conv, drawn, graph

from striate.compile.graph import Node
from striate.compile.interpret import run
from striate.compile.partition import partition, with_idle


def torchs(name, x, target="aten.cumsum.default"):
    return Node(name, "torch", (x,), {"target": target, "args": ({"input": 0}, 1), "kwargs": {}})


def branched():
    nodes = (
        conv("a", "x", "w"),
        torchs("t", "a"),
        conv("b", "x", "w"),
        conv("c", "t", "v"),
        Node("y", "add", ("b", "c"), {"activation": None}),
    )
    return graph(*nodes, outputs=("y", "a"), w=drawn(4, 3, 3, 3), v=drawn(4, 4, 3, 3))


def test_parts_are_as_large_as_can_be():
    """What does not wait for PyTorch is computed before."""
    cuts = partition(branched(), {"t": "why"})
    assert [(cut.core, [node.name for node in cut.graph.nodes]) for cut in cuts] == [
        (True, ["a", "b"]),
        (False, ["t"]),
        (True, ["c", "y"]),
    ]
    assert [cut.graph.outputs for cut in cuts] == [("a", "b"), ("t",), ("y",)]
    assert [tuple(cut.graph.inputs) for cut in cuts] == [("x",), ("a",), ("t", "b")]
    assert [tuple(cut.graph.constants) for cut in cuts] == [("w",), (), ("v",)]


def test_the_parts_are_the_whole():
    """One after the other they compute what the graph does."""
    of, x = branched(), drawn(2, 3, 8, 8)
    values = {"x": x}
    for cut in partition(of, {"t": "why"}):
        values |= zip(cut.graph.outputs, run(cut.graph, *(values[name] for name in cut.graph.inputs)), strict=True)
    for name, want in zip(of.outputs, run(of, x), strict=True):
        assert torch.equal(values[name], want)


def test_nothing_left_is_one_part():
    """And everything left as well."""
    of = branched()
    assert len(partition(of, {})) == 1
    assert len(partition(of, {node.name: "why" for node in of.nodes})) == 1


def test_too_little_is_no_part():
    """Before and after a convolution it is, and alone between two operations of PyTorch's it is not."""
    bend = {"activation": ("relu",)}
    nodes = (
        conv("a", "x", "w"),
        Node("b", "activation", ("a",), bend),
        torchs("t", "b"),
        Node("c", "activation", ("t",), bend),
        torchs("u", "c"),
    )
    of = graph(*nodes, outputs=("u",), w=drawn(4, 3, 3, 3))
    left = with_idle(of, {"t": "why", "u": "why"})
    assert left == {"t": "why", "u": "why", "c": "there is too little of it beside what PyTorch runs"}
    assert [cut.core for cut in partition(of, left)] == [True, False]
    assert with_idle(of, {}) == {}
