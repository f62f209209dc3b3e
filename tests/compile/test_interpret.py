"""compile.interpret: a graph computes what its operations do, and tells its shapes without computing."""

import pytest
import torch
from torch import nn

from striate.compile.graph import Given, Graph, Node
from striate.compile.interpret import run, run_node, shapes
from striate.errors import OptionError


def small(layer, linear):
    """Convolution, pooling, flattening, a linear layer."""
    conv = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1, "activation": ("relu",)}
    nodes = (
        Node("conv", "conv", ("x", "weight", None, None), conv),
        Node("mean", "adaptive_avg_pool", ("conv",), {"output_size": (1, 1)}),
        Node("flat", "flatten", ("mean",), {"start_dim": 1}),
        Node("scores", "linear", ("flat", "fc.weight", "fc.bias")),
    )
    constants = {"weight": layer.weight.detach(), "fc.weight": linear.weight.detach(), "fc.bias": linear.bias.detach()}
    return Graph({"x": Given((1, 3, 8, 8), (0, 2, 3))}, nodes, ("scores", "conv"), constants)


@pytest.fixture
def layers():
    return nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.Linear(4, 2)


def test_a_graph_computes_what_its_layers_do(layers):
    """Whatever the size, with every output in its place."""
    layer, linear = layers
    graph = small(layer, linear)
    for size in ((1, 3, 8, 8), (5, 3, 4, 6)):
        x = torch.randn(size)
        scores, maps = run(graph, x)
        torch.testing.assert_close(maps, layer(x).relu())
        torch.testing.assert_close(scores, linear(layer(x).relu().mean((2, 3))))


def test_shapes_are_those_of_the_values(layers):
    """For the example's size and for any other; constants are among them, and nothing is computed."""
    graph = small(*layers)
    found = shapes(graph, (5, 3, 4, 6))
    assert found["conv"] == (5, 4, 4, 6)
    assert found["scores"] == (5, 2)
    assert found["weight"] == (4, 3, 3, 3)
    assert shapes(graph)["conv"] == (1, 4, 8, 8)


def test_sizes_are_numbers_that_have_no_shape():
    """What follows from an input's size is computed as the rest is."""
    nodes = (
        Node("n", "torch", ("x",), {"target": "aten.sym_size.int", "args": ({"input": 0}, 0), "kwargs": {}}),
        Node("y", "torch", ("x", "n"), {
            "target": "aten.view.default", "args": ({"input": 0}, ({"input": 1}, -1)), "kwargs": {},
        }),
    )  # fmt: skip
    graph = Graph({"x": Given((2, 3, 4), (0,))}, nodes, ("y",), {})
    assert run(graph, torch.zeros(5, 3, 4))[0].shape == (5, 12)
    assert shapes(graph, (7, 3, 4)) == {"x": (7, 3, 4), "y": (7, 12)}


@pytest.mark.refusal
def test_too_many_inputs_are_refused(layers):
    """The error says which there are."""
    with pytest.raises(OptionError) as error:
        run(small(*layers), torch.zeros(1), torch.zeros(1))
    assert str(error.value) == ("graph: it takes 1 inputs, and is given 2.\n  inputs  x\nPass one tensor for each.")


@pytest.mark.refusal
def test_an_unknown_operation_is_refused():
    """The error lists the known ones."""
    with pytest.raises(OptionError) as error:
        run_node(Node("y", "convolve", ("x",)), {"x": torch.zeros(1)})
    text = str(error.value)
    assert text.startswith("graph: no operation is called 'convolve'.\n  node  y\nChoose one of: conv, linear, add,")
