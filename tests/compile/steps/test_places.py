"""What only says where numbers lie."""

import pytest
from small_graphs import POOL, agrees, conv, drawn, graph, ops

from striate.compile.graph import Node
from striate.compile.interpret import shapes
from striate.compile.steps.places import within

WEIGHTS = {"w": drawn(8, 3, 3, 3), "v": drawn(6, 8, 3, 3) / 8, "u": drawn(5, 14, 1, 1)}
TAIL = {"padding": ((0, 0), (0, 0))}


def test_a_concatenation_is_written_in_place():
    """By what computes its parts: nothing is copied."""
    nodes = (
        conv("s", "x", "w"),
        conv("a", "s", "v", activation=("relu",)),
        conv("b", "x", "w", activation=("silu",)),
        Node("y", "concat", ("a", "b"), {"dim": 1}),
        conv("z", "y", "u", **TAIL),
    )
    of = graph(*nodes, **WEIGHTS)
    assert within(of, shapes(of)) == {"a": ("y", 0), "b": ("y", 6)}
    assert "copy" not in ops(agrees(of))


def test_what_others_read_side_by_side_is_copied():
    """A convolution reads pixels that lie side by side, so its input has memory of its own."""
    nodes = (
        conv("a", "x", "w"),
        conv("b", "a", "v"),
        Node("y", "concat", ("a", "b", "a"), {"dim": 1}),
        Node("z", "max_pool", ("y",), POOL),
    )
    of = graph(*nodes, **WEIGHTS)
    assert within(of, shapes(of)) == {"b": ("y", 8)}
    assert ops(agrees(of)).count("copy") == 2


def test_a_concatenation_is_a_part_of_a_larger_one():
    """As in a dense block: each layer reads all before, and adds to them, and nothing is copied."""
    scale = {"activation": ("relu",)}
    nodes = (
        conv("a", "x", "w"),
        Node("na", "scale", ("a", "f8", "f8"), scale),
        conv("b", "na", "v"),
        Node("ab", "concat", ("a", "b"), {"dim": 1}),
        Node("nb", "scale", ("ab", "f14", "f14"), scale),
        conv("c", "nb", "u", **TAIL),
        Node("abc", "concat", ("a", "b", "c"), {"dim": 1}),
        Node("y", "scale", ("abc", "f19", "f19"), scale),
    )
    found = agrees(graph(*nodes, **WEIGHTS, f8=drawn(8), f14=drawn(14), f19=drawn(19)))
    assert "copy" not in ops(found)


def test_concatenations_of_any_values():
    """Of inputs, of rows, of one value twice, one within another."""
    pair = Node("y", "concat", ("x", "x"), {"dim": 1})
    agrees(graph(pair))
    agrees(graph(pair, size=(3, 7)))
    nodes = (
        conv("a", "x", "w"),
        conv("b", "x", "w", activation=("tanh",)),
        Node("ab", "concat", ("a", "b"), {"dim": 1}),
        conv("c", "x", "w"),
        Node("y", "concat", ("c", "ab"), {"dim": 1}),
    )
    agrees(graph(*nodes, outputs=("y", "c"), w=WEIGHTS["w"]))


@pytest.mark.parametrize("op", ["max_pool", "activation", "conv"])
def test_channels(op):
    """Parts of the channels, whatever reads them."""
    after = {
        "max_pool": Node("y", "max_pool", ("c",), POOL),
        "activation": Node("y", "activation", ("c",), {"activation": ("relu",)}),
        "conv": conv("y", "c", "k"),
    }
    part = Node("c", "channels", ("a",), {"start": 2, "stop": 5})
    agrees(graph(conv("a", "x", "w"), part, after[op], w=WEIGHTS["w"], k=drawn(4, 3, 3, 3)))


@pytest.mark.parametrize(
    ("op", "options"),
    [
        ("shuffle", {"groups": 2}),
        ("upsample", {"scale": (2, 3)}),
        ("pad", {"padding": ((1, 0), (2, 3))}),
        ("flatten", {"start_dim": 1}),
    ],
)
def test_moves(op, options):
    """Of what was computed, and of the input itself."""
    move = Node("y", op, ("a",), options)
    agrees(graph(conv("a", "x", "w"), move, w=WEIGHTS["w"]))
    agrees(graph(Node("y", op, ("x",), options), size=(2, 4, 5, 6)))
