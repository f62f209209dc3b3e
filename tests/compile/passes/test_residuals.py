"""passes.residuals: a shortcut joins the convolution that it is added to, if it is as large for every size."""

import pytest
import torch
from graphs import CONV, chain

from striate.compile.graph import Given, Graph, Node
from striate.compile.interpret import run
from striate.compile.passes.residuals import join_residuals
from striate.compile.passes.unread import drop_unread

W = {"w": torch.randn(3, 3, 3, 3, generator=torch.Generator().manual_seed(0))}


def conv(name, source):
    return Node(name, "conv", (source, "w", None, None), CONV)


@pytest.mark.parametrize("order", [("a", "x"), ("x", "a")])
def test_a_shortcut_joins(order):
    """In either order of the sum, with the activation that it has."""
    graph = chain(conv("a", "x"), Node("y", "add", order, {"activation": ("relu",)}), constants=W)
    found = drop_unread(join_residuals(graph))
    assert [(node.name, node.op, node.inputs) for node in found.nodes] == [("y", "conv", ("x", "w", None, "x"))]
    x = torch.randn(2, 3, 6, 6)
    torch.testing.assert_close(run(found, x), run(graph, x))


def test_of_two_convolutions_the_later_is_joined():
    """The other one is its residual."""
    graph = chain(conv("a", "x"), conv("b", "x"), Node("y", "add", ("a", "b")), constants=W)
    found = drop_unread(join_residuals(graph))
    assert [(node.name, node.inputs[3]) for node in found.nodes] == [("a", None), ("y", "a")]
    x = torch.randn(2, 3, 6, 6)
    torch.testing.assert_close(run(found, x), run(graph, x))


def test_what_is_broadcast_does_not_join():
    """Also where the example happens to be of one image or of one pixel."""
    pooled = Node("p", "adaptive_avg_pool", ("x",), {"output_size": (1, 1)})
    for size, nodes in (
        ((1, 3, 1, 1), (pooled, conv("a", "x"), Node("y", "add", ("a", "p")))),
        ((1, 3, 4, 4), (conv("a", "x"), Node("y", "add", ("a", "grid")))),
    ):
        constants = {**W, "grid": torch.zeros(1, 3, 4, 4)}
        graph = Graph({"x": Given(size, (0, 2, 3) if size[2] == 1 else (0,))}, nodes, ("y",), constants)
        assert join_residuals(graph).nodes == graph.nodes


def test_what_is_read_elsewhere_does_not_join():
    """And a sum of one value with itself is no shortcut."""
    twice = chain(conv("a", "x"), Node("b", "add", ("a", "x")), Node("y", "mul", ("a", "b")), constants=W)
    assert join_residuals(twice).nodes == twice.nodes
    double = chain(conv("a", "x"), Node("y", "add", ("a", "a")), constants=W)
    assert join_residuals(double).nodes == double.nodes
