"""A graph as steps: how inputs come in and outputs go out."""

from small_graphs import agrees, conv, drawn, graph, ops, residual_network

from striate.compile.graph import Node
from striate.compile.lower import RULES, lower, refused
from striate.compile.operations import OPERATIONS
from striate.compile.weights import Weights


def test_the_core_does_every_operation_but_pytorchs_own():
    """Each of the vocabulary has a rule."""
    assert set(RULES) == set(OPERATIONS) - {"torch"}


def test_planes_are_turned_over_at_the_door_alone():
    """Images that lie with channels last are read and written where they are."""
    of = graph(conv("y", "x", "w"), w=drawn(8, 3, 3, 3))
    weights = Weights(of.constants)
    contiguous, last = (lower(of, [(2, 3, 8, 8)], weights, last=[given], threads=1) for given in (False, True))
    assert [step.op for step in contiguous.steps] == ["transpose", "conv", "transpose"]
    assert [step.op for step in last.steps] == ["conv"]
    assert (contiguous.outputs, last.outputs) == ((((2, 8, 8, 8), False),), (((2, 8, 8, 8), True),))


def test_any_value_may_be_returned():
    """An input, the same value twice, what is flattened, what another operation goes on with."""
    flat = Node("f", "flatten", ("a",), {"start_dim": 1})
    of = graph(
        conv("a", "x", "w"),
        flat,
        conv("b", "a", "v"),
        outputs=("a", "x", "f", "b", "a"),
        w=drawn(4, 3, 3, 3),
        v=drawn(2, 4, 3, 3),
    )
    agrees(of)


def test_a_whole_network():
    """All of it, and nothing is copied but the input."""
    found = ops(agrees(residual_network()))
    assert found == ["transpose", "conv", "conv", "conv", "max_pool", "linear", "softmax"]


def test_algorithms_that_are_wanted_are_taken():
    """By the names of convolutions; one that cannot compute it is not."""
    of = residual_network()
    lowered = lower(
        of, [(2, 3, 8, 8)], Weights(of.constants), last=[True], threads=1, wanted={"a": "direct", "b": "depthwise"}
    )
    chosen = {step.name: step.algorithm for step in lowered.steps}
    assert chosen["a"] == "direct"
    assert chosen["b"] != "depthwise"


def test_what_is_left_to_pytorch_says_why():
    """An operator without a rule is named."""
    node = Node("y", "torch", ("x",), {"target": "aten.cumsum.default", "args": ({"input": 0}, 1), "kwargs": {}})
    assert refused(graph(node)) == {"y": "aten.cumsum.default is PyTorch's"}
