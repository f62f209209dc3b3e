"""What a program does number by number."""

import pytest
import torch
from small_graphs import agrees, conv, drawn, graph, ops

from striate.compile.graph import Given, Graph, Node
from striate.compile.lower import refused

WEIGHTS = {"w": drawn(8, 3, 3, 3)}


@pytest.mark.parametrize("op", ["add", "mul"])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    "constant", [(), (1,), (8, 1, 1), (1, 8, 8, 8), (8, 8)], ids=["another", "one", "a map", "an image", "pixels"]
)
def test_two_of_a_kind(op, turned, constant):
    """Sums and products of two images, or of one and a constant, on either side."""
    options = {"activation": ("relu",)} if op == "add" else {}
    other = "k" if constant else "b"
    nodes = (
        conv("a", "x", "w"),
        *([] if constant else [conv("b", "x", "w", activation=("tanh",))]),
        Node("y", op, (other, "a") if turned else ("a", other), options),
    )
    agrees(graph(*nodes, **WEIGHTS, **({"k": drawn(*constant)} if constant else {})))


def test_squeeze_and_excitation():
    """An image times a number for each of its maps, from its own mean."""
    nodes = (
        conv("a", "x", "w"),
        Node("m", "adaptive_avg_pool", ("a",), {"output_size": (1, 1)}),
        Node("g", "activation", ("m",), {"activation": ("sigmoid",)}),
        Node("y", "mul", ("g", "a"), {}),
    )
    agrees(graph(*nodes, **WEIGHTS))


def test_scale_is_a_factor_and_a_shift_a_map():
    """As a normalisation that was not folded, then bent."""
    node = Node("y", "scale", ("x", "f", "s"), {"activation": ("leaky_relu", 0.1)})
    agrees(graph(node, f=drawn(3), s=drawn(3)))
    agrees(graph(node, size=(4, 3), f=drawn(3), s=drawn(3)))


@pytest.mark.parametrize("dim", [1, -1])
def test_softmax(dim):
    """Along the channels: of rows, and of images."""
    agrees(graph(Node("y", "softmax", ("x",), {"dim": dim}), size=(3, 50)))
    if dim == 1:
        agrees(graph(conv("a", "x", "w"), Node("y", "softmax", ("a",), {"dim": dim}), **WEIGHTS))


def test_what_was_flattened_is_added_in_its_order():
    """Flattened images and rows meet in PyTorch's order."""
    nodes = (
        conv("a", "x", "w"),
        Node("f", "flatten", ("a",), {"start_dim": 1}),
        Node("b", "activation", ("f",), {"activation": ("relu",)}),
        Node("y", "add", ("b", "k"), {"activation": None}),
        Node("z", "add", ("b", "f"), {"activation": None}),
    )
    found = agrees(graph(*nodes, outputs=("y", "z", "b"), k=drawn(1, 512), **WEIGHTS))
    assert "transpose" in ops(found)


def test_undefined_numbers_stay_so():
    """NaN is not rectified away."""
    node = Node("y", "add", ("x", "k"), {"activation": ("relu",)})
    found = agrees(graph(node, k=torch.zeros(3, 1, 1)))
    y = found.run([torch.full((2, 3, 8, 8), float("nan"))])[0]
    assert y.isnan().all()


def test_what_the_core_does_not_do_says_so():
    """Repeated along rows, or along another axis than the channels."""

    def reason(node, *sizes):
        given = {name: Given(size) for name, size in zip("xv", sizes, strict=False)}
        return refused(Graph(given, (node,), ("y",), {})).get("y")

    two = Node("y", "add", ("x", "v"), {"activation": None})
    assert reason(two, (2, 3, 4, 4), (2, 3, 4, 4)) is None
    assert reason(two, (2, 3, 4, 4), (2, 3, 1, 1)) is None
    assert reason(two, (2, 3, 4, 4), (2, 1, 4, 4)) == (
        "(2, 1, 4, 4) is repeated along axes that the core does not repeat"
    )
    assert reason(two, (2, 3, 4, 1), (2, 3, 1, 4)) == "neither has the size of what it gives"
    assert reason(Node("y", "activation", ("x",), {"activation": ("relu",)}), (2, 3, 4)) == (
        "it is not of images N C H W, or rows N C"
    )
