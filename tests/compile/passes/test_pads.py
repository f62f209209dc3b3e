"""passes.pads: zeros around a convolution's input are its padding."""

import torch
from graphs import CONV, chain

from striate.compile.graph import Node
from striate.compile.interpret import run
from striate.compile.passes.pads import merge_pads
from striate.compile.passes.unread import drop_unread


def test_padding_is_added_side_by_side():
    """The result is the same, and the padding gone, unless something else reads it."""
    x, weight = torch.randn(2, 3, 6, 6), torch.randn(4, 3, 3, 3)
    nodes = (
        Node("p", "pad", ("x",), {"padding": ((0, 1), (2, 0))}),
        Node("y", "conv", ("p", "w", None, None), CONV),
    )
    graph = chain(*nodes, constants={"w": weight})
    found = drop_unread(merge_pads(graph))
    assert found.nodes[0].options["padding"] == ((1, 2), (3, 1))
    assert len(found.nodes) == 1
    torch.testing.assert_close(run(found, x), run(graph, x))
