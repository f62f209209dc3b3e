"""compile.sizes: of two graphs for two sizes one, in which a size is computed; or it is said where they differ."""

import pytest
import torch
from graphs import chain

from striate.compile.graph import Given, Graph, Node
from striate.compile.interpret import run
from striate.compile.sizes import Differs, unified


def viewed(size, *numbers):
    """A graph that reshapes its input to some numbers."""
    options = {"target": "aten.reshape.default", "args": ({"input": 0}, numbers), "kwargs": {}}
    return Graph({"x": Given(size)}, (Node("y", "torch", ("x",), options),), ("y",), {})


@pytest.mark.parametrize(
    ("one", "two", "result"),
    [((2, -1), (3, -1), (5, -1)), ((6, -1), (9, -1), (15, -1)), ((-1, 3), (-1, 3), (-1, 3))],
    ids=["size", "multiple", "nothing"],
)
def test_numbers_that_follow_are_computed(one, two, result):
    """The number of examples, three times it, and what is the same for both."""
    graph = unified(viewed((2, 3, 16, 16), *one), viewed((3, 3, 32, 32), *two), 1)
    assert graph.inputs["x"].free == (0, 2, 3)
    x = torch.randn(5, 3, 16, 16)
    torch.testing.assert_close(run(graph, x)[0], x.reshape(result))


def test_a_number_that_follows_from_no_one_size_differs():
    """As the product of several does."""
    with pytest.raises(Differs, match="a number of y: 768 and 3072"):
        unified(viewed((2, 3, 16, 16), 2, 768), viewed((3, 3, 32, 32), 3, 3072), 1)


def test_a_fraction_is_one_where_the_step_says_so():
    """Half of the height is for sure half of it only if heights are even."""
    first, second = viewed((1, 3, 32, 32), 16, -1), viewed((1, 3, 64, 32), 32, -1)
    graph = unified(first, second, 32)
    assert run(graph, torch.zeros(1, 3, 96, 32))[0].shape == (48, 192)
    with pytest.raises(Differs):
        unified(first, second, 1)


def test_other_operations_are_other_graphs():
    """In kind, in options, in number, in constants, in outputs: the text says which."""
    relu, tanh = ({"activation": (kind,)} for kind in ("relu", "tanh"))
    one = chain(Node("y", "activation", ("x",), relu))
    for other, said in (
        (chain(Node("y", "activation", ("x",), tanh)), r"activation y: activation \('relu',\) and \('tanh',\)"),
        (chain(Node("y", "softmax", ("x",), {"dim": 1})), "activation y and softmax y"),
        (chain(Node("z", "activation", ("x",), relu), Node("y", "activation", ("z",), relu)), "number of operations"),
        (chain(Node("y", "activation", ("x",), relu), constants={"w": torch.zeros(1)}), "constants"),
        (Graph(one.inputs, one.nodes, ("x",), {}), "what is returned"),
    ):
        with pytest.raises(Differs, match=said):
            unified(one, other, 1)
    with pytest.raises(Differs, match="w"):
        unified(
            chain(*one.nodes, constants={"w": torch.zeros(1)}), chain(*one.nodes, constants={"w": torch.ones(1)}), 1
        )
