"""compile.graph: names that hold together, and the two ways to rewrite."""

import pytest
import torch

from striate.compile.graph import Given, Graph, Node
from striate.compile.interpret import run
from striate.errors import OptionError

RELU, TANH = {"activation": ("relu",)}, {"activation": ("tanh",)}


def chain(*options):
    """A graph of activations, one after the other: x, v1, v2, ..."""
    names = ["x", *(f"v{i}" for i in range(1, len(options) + 1))]
    nodes = [Node(names[i + 1], "activation", (names[i],), o) for i, o in enumerate(options)]
    return Graph({"x": Given((3,))}, tuple(nodes), (names[-1],), {})


def test_a_removed_value_is_read_elsewhere():
    """What stood for what went may go as well; outputs follow."""
    graph = chain(RELU, RELU, TANH).without({"v1": "x", "v2": "v1"})
    assert [(node.name, node.inputs) for node in graph.nodes] == [("v3", ("x",))]
    assert chain(RELU).without({"v1": "x"}).outputs == ("x",)


def test_an_operation_is_replaced_in_its_place():
    """The order stays, constants are added, and the graph before is untouched."""
    graph = chain(RELU, TANH)
    other = graph.replaced({"v1": Node("v1", "add", ("x", "two"))}, {"two": torch.tensor(2.0)})
    x = torch.tensor([-3.0, 0.0, 1.0])
    torch.testing.assert_close(run(other, x)[0], torch.tanh(x + 2))
    torch.testing.assert_close(run(graph, x)[0], torch.tanh(x.relu()))


def test_returning_is_reading():
    """A value that is returned has a reader, though no operation reads it."""
    graph = chain(RELU, TANH)
    assert graph.readers() == {"x": 1, "v1": 1, "v2": 1}


@pytest.mark.refusal
def test_a_value_that_nothing_gives_is_refused():
    """The error names who reads it."""
    with pytest.raises(OptionError) as error:
        Graph({"x": Given((3,))}, (Node("y", "add", ("x", "z")),), ("y",), {})
    assert str(error.value) == (
        "graph: a value is read that nothing before gives.\n"
        "  reader   y\n  missing  z\nPut the operation that gives it first."
    )
    with pytest.raises(OptionError, match="the outputs"):
        Graph({"x": Given((3,))}, (), ("y",), {})


@pytest.mark.refusal
def test_a_name_is_used_once():
    """Whether of values or of constants."""
    with pytest.raises(OptionError) as error:
        Graph({"x": Given((3,))}, (Node("x", "activation", ("x",), RELU),), ("x",), {})
    assert str(error.value) == "graph: two values have the same name.\n  name  x\nGive each its own."
    with pytest.raises(OptionError) as error:
        Graph({"x": Given((3,))}, (), ("x",), {"x": torch.zeros(1)})
    assert str(error.value) == ("graph: a name is an input's and a constant's.\n  names  ['x']\nGive each its own.")
