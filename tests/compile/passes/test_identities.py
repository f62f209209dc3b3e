"""passes.identities: operations that change nothing go, and no others."""

import pytest
import torch
from graphs import chain

from striate.compile.graph import Node
from striate.compile.interpret import run
from striate.compile.passes.identities import _NOTHING, drop_identities

POOL = {"kernel_size": (1, 1), "stride": (1, 1), "padding": (0, 0)}
CASES = {
    "activation": ({"activation": None}, {"activation": ("relu",)}),
    "concat": ({"dim": 1}, None),
    "pad": ({"padding": ((0, 0), (0, 0))}, {"padding": ((0, 1), (0, 0))}),
    "shuffle": ({"groups": 1}, {"groups": 3}),
    "upsample": ({"scale": (1, 1)}, {"scale": (1, 2)}),
    "max_pool": ({**POOL, "dilation": (1, 1)}, {**POOL, "dilation": (1, 1), "stride": (2, 2)}),
    "avg_pool": (POOL, {**POOL, "stride": (1, 2)}),
}


@pytest.mark.parametrize("op", CASES)
def test_only_what_changes_nothing_goes(op):
    """The graph computes the same."""
    x = torch.randn(2, 3, 6, 6)
    for options, count in zip(CASES[op], (1, 2), strict=True):
        if options is None:
            continue
        graph = chain(Node("a", op, ("x",), options), Node("y", "softmax", ("a",), {"dim": 1}))
        found = drop_identities(graph)
        assert len(found.nodes) == count
        torch.testing.assert_close(run(found, x), run(graph, x))


def test_every_line_of_the_table_is_tested():
    """So that a new one is."""
    assert set(CASES) == set(_NOTHING)


def test_flat_is_flat():
    """A second flattening of the same axes."""
    options = {"start_dim": 1}
    graph = chain(Node("a", "flatten", ("x",), options), Node("y", "flatten", ("a",), options))
    assert [node.name for node in drop_identities(graph).nodes] == ["a"]
    assert drop_identities(graph).outputs == ("a",)
