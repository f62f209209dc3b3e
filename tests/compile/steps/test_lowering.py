"""What rules go by: copies that are made once, and what is repeated."""

from small_graphs import POOL, agrees, conv, drawn, graph, ops

from striate.compile.graph import Node
from striate.compile.steps.lowering import Known


def test_a_copy_is_made_once():
    """Two poolings of one part of the channels read one copy of it."""
    nodes = (
        conv("a", "x", "w"),
        Node("c", "channels", ("a",), {"start": 2, "stop": 5}),
        Node("p", "max_pool", ("c",), POOL),
        Node("q", "max_pool", ("c",), {**POOL, "padding": (1, 1)}),
    )
    assert ops(agrees(graph(*nodes, outputs=("p", "q"), w=drawn(8, 3, 3, 3)))).count("copy") == 1


def test_what_is_known_of_an_operation():
    """The shapes of its inputs, which of them are constants, and whether the core takes such."""
    node = Node("y", "mul", ("x", None, "k"), {})
    known = Known(node, {"x": (1, 2, 3), "k": (2,), "y": (1, 2, 3)}, {"k": drawn(2)})
    assert known.inputs == [(1, 2, 3), (), (2,)]
    assert (known.given(0), known.given(1), known.given(2), known.given(9)) == (False, False, True, False)
    assert known.images() == "it is not of images N C H W, or rows N C"
