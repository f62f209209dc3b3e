"""passes.activations: an activation joins what it alone reads."""

import pytest
import torch
from graphs import CONV, chain

from striate.compile.graph import Node
from striate.compile.interpret import run
from striate.compile.passes.activations import join_activations
from striate.compile.passes.unread import drop_unread

CONSTANTS = {"w": torch.randn(3, 3, 3, 3), "v": torch.rand(3), "l": torch.randn(5, 6)}
BEFORE = {
    "conv": Node("a", "conv", ("x", "w", "v", None), CONV),
    "linear": Node("a", "linear", ("x", "l", None)),
    "add": Node("a", "add", ("x", "x")),
    "scale": Node("a", "scale", ("x", "v", "v")),
}


@pytest.mark.parametrize("op", BEFORE)
def test_it_joins_what_it_alone_reads(op):
    """The result is the same."""
    graph = chain(BEFORE[op], Node("y", "activation", ("a",), {"activation": ("silu",)}), constants=CONSTANTS)
    found = drop_unread(join_activations(graph))
    assert [(node.name, node.op, node.options["activation"]) for node in found.nodes] == [("y", op, ("silu",))]
    x = torch.randn(2, 3, 6, 6)
    torch.testing.assert_close(run(found, x), run(graph, x))


def test_it_stays_where_another_reads_as_well():
    """Or where there is an activation already."""
    relu = {"activation": ("relu",)}
    twice = chain(BEFORE["add"], Node("b", "activation", ("a",), relu), Node("y", "mul", ("a", "b")))
    assert join_activations(twice) == twice
    ended = chain(Node("a", "add", ("x", "x"), relu), Node("y", "activation", ("a",), {"activation": ("tanh",)}))
    assert join_activations(ended) == ended
