"""Poolings and normalisation across maps, of a program."""

import pytest
from small_graphs import POOL, agrees, conv, drawn, graph, ops

from striate.compile.graph import Given, Graph, Node
from striate.compile.lower import refused

AVERAGE = {key: POOL[key] for key in ("kernel_size", "stride", "padding", "ceil_mode")}


@pytest.mark.parametrize(
    "options",
    [{}, {"kernel_size": (3, 3), "padding": (1, 1)}, {"kernel_size": (3, 2), "ceil_mode": True}, {"dilation": (2, 2)}],
    ids=str,
)
def test_max_pool(options):
    """Of any window."""
    agrees(graph(Node("y", "max_pool", ("x",), {**POOL, **options}), size=(2, 5, 9, 11)))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kernel_size": (3, 3), "padding": (1, 1)},
        {"kernel_size": (3, 3), "padding": (1, 1), "count_include_pad": False},
        {"kernel_size": (3, 2), "ceil_mode": True},
        {"kernel_size": (3, 3), "ceil_mode": True, "padding": (1, 1)},
        {"divisor_override": 3},
    ],
    ids=str,
)
def test_avg_pool(options):
    """Padding counts or does not, and so does what lies beyond it."""
    agrees(graph(Node("y", "avg_pool", ("x",), {**AVERAGE, **options}), size=(2, 5, 9, 11)))


@pytest.mark.parametrize("wanted", [(1, 1), (3, 2), (6, 8)])
def test_adaptive_avg_pool(wanted):
    """Windows of one size; where every window is a sample, nothing is done."""
    found = agrees(graph(Node("y", "adaptive_avg_pool", ("x",), {"output_size": wanted}), size=(2, 5, 6, 8)))
    assert ("adaptive_avg_pool" in ops(found)) == (wanted != (6, 8))


@pytest.mark.parametrize("size", [1, 4, 5, 99])
def test_response_norm(size):
    """Windows of even and odd sizes, and of more maps than there are."""
    node = Node("y", "response_norm", ("x",), {"size": size, "alpha": 0.5, "beta": 0.75, "k": 2.0})
    agrees(graph(node, size=(2, 12, 5, 7)))


def test_a_pooling_is_copied_to_its_place_in_a_concatenation():
    """It writes pixels side by side; the convolution beside it writes where it is wanted."""
    nodes = (
        Node("p", "max_pool", ("x",), POOL),
        conv("a", "x", "w", stride=(2, 2)),
        Node("y", "concat", ("p", "a"), {"dim": 1}),
        conv("z", "y", "v"),
    )
    found = agrees(graph(*nodes, w=drawn(4, 3, 3, 3), v=drawn(4, 7, 3, 3)))
    assert ops(found) == ["transpose", "max_pool", "copy", "conv", "conv", "transpose"]


def test_what_the_core_does_not_pool_says_so():
    """Windows of several sizes."""
    node = Node("y", "adaptive_avg_pool", ("x",), {"output_size": (3, 3)})
    assert refused(Graph({"x": Given((1, 2, 7, 9))}, (node,), ("y",), {})) == {
        "y": "its windows are not all of one size"
    }
