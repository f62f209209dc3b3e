"""Convolutions and linear layers of a program."""

import pytest
from small_graphs import CONV, agrees, conv, drawn, graph, ops

from striate.compile.graph import Given, Graph, Node
from striate.compile.lower import refused

ACTIVATIONS = [None, ("relu",), ("clip", 0.0, 6.0), ("silu",), ("gelu", "none"), ("elu", 1.0)]


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
@pytest.mark.parametrize("shortcut", [False, True])
def test_conv_is_bent_last(activation, shortcut):
    """activation(conv + bias + residual), whatever the activation."""
    first = conv("a", "x", "w", "b")
    second = conv("y", "a", "v", "b", "a" if shortcut else None, activation=activation)
    found = agrees(graph(first, second, w=drawn(16, 3, 3, 3), v=drawn(16, 16, 3, 3) / 12, b=drawn(16)))
    assert ops(found) == ["transpose", "conv", "conv", "transpose"]


@pytest.mark.parametrize(
    ("options", "weight"),
    [
        ({"stride": (2, 1), "padding": ((1, 0), (2, 1))}, (5, 4, 3, 3)),
        ({"dilation": (2, 2), "padding": ((2, 2), (2, 2))}, (5, 4, 3, 3)),
        ({"groups": 4}, (4, 1, 3, 3)),
        ({"groups": 2}, (6, 2, 3, 3)),
        ({"padding": ((0, 0), (0, 0))}, (7, 4, 1, 1)),
    ],
    ids=str,
)
def test_conv_of_any_settings(options, weight):
    """Padding on each side, strides, dilation, groups."""
    agrees(graph(conv("y", "x", "w", **options), size=(2, 4, 9, 8), w=drawn(*weight)))


def test_a_residual_that_lies_otherwise_is_added_afterwards():
    """What is written within a concatenation cannot be added to what lies by itself, as it is computed."""
    nodes = (
        conv("a", "x", "w", activation=("relu",)),
        conv("b", "a", "v", None, "a", activation=("relu",)),
        conv("c", "a", "v"),
        Node("y", "concat", ("b", "c"), {"dim": 1}),
    )
    found = agrees(graph(*nodes, w=drawn(8, 3, 3, 3), v=drawn(8, 8, 3, 3) / 8))
    assert ops(found) == ["transpose", "conv", "conv", "add", "conv", "transpose"]


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
@pytest.mark.parametrize("size", [(1, 12), (5, 12)])
def test_linear(activation, size):
    """Rows times a matrix, and bent."""
    node = Node("y", "linear", ("x", "w", "b"), {"activation": activation})
    agrees(graph(node, size=size, w=drawn(20, 12), b=drawn(20)))


def test_linear_reads_what_was_flattened_as_it_lies():
    """Nothing is turned over: the weights are packed for images."""
    nodes = (
        conv("a", "x", "w"),
        Node("f", "flatten", ("a",), {"start_dim": 1}),
        Node("y", "linear", ("f", "v", None), {"activation": None}),
    )
    found = agrees(graph(*nodes, w=drawn(4, 3, 3, 3), v=drawn(6, 256) / 16))
    assert ops(found) == ["transpose", "conv", "linear"]


def test_what_the_core_does_not_convolve_says_so():
    """Each is left to PyTorch, and why."""
    image, other = Given((1, 4, 8, 8)), Given((4, 4, 3, 3))

    def reason(node, **constants):
        return refused(Graph({"x": image, "v": other}, (node,), ("y",), constants)).get("y")

    weight = drawn(4, 4, 3, 3)
    assert reason(conv("y", "x", "w"), w=weight) is None
    assert reason(conv("y", "x", "v")) == "its weight is no constant"
    assert reason(conv("y", "x", "w", "b"), w=weight, b=drawn(4)) is None
    assert reason(conv("y", "x", "w", None, "r"), w=weight, r=drawn(1, 4, 8, 8)) == "what is added is a constant"
    narrow = Node("y", "linear", ("x", "w", None), {"activation": None})
    assert reason(narrow, w=drawn(3, 8)) == "it is not of rows N C"
    assert set(CONV) == {"stride", "padding", "dilation", "groups", "activation"}
