"""compile.partition: parts run one after the other give what the whole gives, and are as few as can be."""

import pytest
import torch
from graphs import CONV, chain

from striate.compile.graph import Graph, Node
from striate.compile.interpret import run
from striate.compile.partition import partition

RELU, SOFT = {"activation": ("relu",)}, {"dim": 1}
W = {"w": torch.randn(3, 3, 3, 3, generator=torch.Generator().manual_seed(0))}
CORE = dict.fromkeys(("conv", "activation", "add", "concat"), lambda node, graph: None)


def conv(name, source):
    return Node(name, "conv", (source, "w", None, None), CONV)


def soft(name, source):
    return Node(name, "softmax", (source,), SOFT)


BRANCHES = (
    conv("a", "x"),
    soft("b", "a"),
    conv("c", "a"),
    soft("d", "x"),
    Node("e", "concat", ("b", "c", "d"), {"dim": 1}),
    Node("y", "activation", ("e",), RELU),
)
ADDED = (conv("a", "x"), soft("b", "a"), Node("y", "add", ("b", "v")))
LATE = (conv("a", "x"), soft("b", "a"), conv("c", "b"), conv("d", "x"), Node("y", "add", ("c", "d")))
# With whether the core runs each part.
GRAPHS = {
    "all": (chain(conv("a", "x"), conv("y", "a"), constants=W), [True]),
    "none": (chain(soft("a", "x"), soft("y", "a")), [False]),
    "little": (chain(*ADDED, constants={**W, "v": torch.ones(1)}), [True, False]),
    "branches": (chain(*BRANCHES, constants=W), [False, True, False]),
    "late": (chain(*LATE, constants=W), [True, False, True]),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_parts_give_what_the_whole_gives(name):
    """Each reads what those before it give; every operation is in one of them."""
    graph, hands = GRAPHS[name]
    parts = partition(graph, CORE)
    x = torch.randn(2, 3, 6, 6)
    values = {"x": x}
    for part in parts:
        given = run(part.graph, *(values[name] for name in part.graph.inputs))
        values |= zip(part.graph.outputs, given, strict=True)
    torch.testing.assert_close(values["y"], run(graph, x)[0])
    assert sorted(n.name for part in parts for n in part.graph.nodes) == sorted(n.name for n in graph.nodes)
    assert [part.by_core for part in parts] == hands


def test_a_part_says_why_it_is_pytorchs():
    """The table's reason; that there is no such operation; or that it is too little to change hands for."""
    declines = {**CORE, "conv": lambda node, graph: "it is too large" if node.name == "a" else None}
    nodes = (conv("a", "x"), conv("b", "a"), soft("c", "b"), Node("y", "activation", ("c",), RELU))
    first, core, last = partition(chain(*nodes, constants=W), declines)
    assert first.reasons == {"a": "it is too large"}
    assert not core.reasons
    assert last.reasons == {
        "c": "the core has no such operation",
        "y": "there is too little of it between what PyTorch runs",
    }


def test_inputs_have_the_sizes_that_they_have_in_the_whole():
    """And constants are those that the part reads."""
    first, second = partition(chain(conv("a", "x"), soft("y", "a"), constants=W), CORE)
    assert second.graph.inputs["a"].size == (2, 3, 6, 6)
    assert list(first.graph.constants) == ["w"]
    assert not second.graph.constants


def test_a_graph_without_operations_has_no_parts():
    """What is returned is what is given."""
    assert partition(Graph(GRAPHS["all"][0].inputs, (), ("x",), {}), CORE) == ()
