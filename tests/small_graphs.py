"""Graphs that the tests of `compile` share, written by hand, and what they are held against."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from striate.compile.graph import Given, Graph, Node
from striate.compile.interpret import run
from striate.compile.plan import Plan, plan
from striate.compile.weights import Weights

LAST = torch.channels_last

CONV: Mapping[str, Any] = {
    "stride": (1, 1),
    "padding": ((1, 1), (1, 1)),
    "dilation": (1, 1),
    "groups": 1,
    "activation": None,
}
POOL: Mapping[str, Any] = {
    "kernel_size": (2, 2),
    "stride": (2, 2),
    "padding": (0, 0),
    "dilation": (1, 1),
    "ceil_mode": False,
}


def drawn(*size: int, seed: int = 0) -> Tensor:
    """Random numbers."""
    return torch.randn(size, generator=torch.Generator().manual_seed(seed + sum(size)))


def conv(name: str, x: str, weight: str, bias: str | None = None, residual: str | None = None, **options: Any) -> Node:
    """A convolution of 3x3 kernels, padded, unless options say otherwise."""
    return Node(name, "conv", (x, weight, bias, residual), {**CONV, **options})


def graph(
    *nodes: Node, size: tuple[int, ...] = (2, 3, 8, 8), outputs: tuple[str, ...] = (), **constants: Tensor
) -> Graph:
    """A graph of one input, `x`; it returns what its last operation gives."""
    return Graph({"x": Given(size, (0, 2, 3)[: len(size) - 1])}, nodes, outputs or (nodes[-1].name,), constants)


def residual_network() -> Graph:
    """Two convolutions with a shortcut, pooled, and a linear layer; with softmax."""
    nodes = (
        conv("a", "x", "w1", "b1", activation=("relu",)),
        conv("b", "a", "w2", activation=("silu",)),
        conv("c", "b", "w2", "b1", "a", activation=("relu",)),
        Node("p", "max_pool", ("c",), POOL),
        Node("f", "flatten", ("p",), {"start_dim": 1}),
        Node("l", "linear", ("f", "w3", "b3"), {"activation": None}),
        Node("s", "softmax", ("l",), {"dim": 1}),
    )
    weights = {
        "w1": drawn(16, 3, 3, 3) / 5,
        "b1": drawn(16),
        "w2": drawn(16, 16, 3, 3) / 12,
        "w3": drawn(10, 256) / 16,
        "b3": drawn(10),
    }
    return graph(*nodes, outputs=("s", "l"), **weights)


def agrees(of: Graph, *inputs: Tensor, rtol: float = 1e-4) -> Plan:
    """Hold a graph's steps against its definition in 64 bits, for either layout, on one thread and on two: one's bits.

    Returns:
        The plan for the input as it is, on one thread.
    """
    x = inputs or tuple(drawn(*given.size) for given in of.inputs.values())
    weights = Weights(of.constants)
    wide = Graph(of.inputs, of.nodes, of.outputs, {name: w.double() for name, w in of.constants.items()})
    wants = run(wide, *(given.double() for given in x))
    plans: list[Plan] = []
    for last in (False, True):
        laid = [given.contiguous(memory_format=LAST) if last and given.ndim == 4 else given for given in x]
        is_last = [not given.is_contiguous() for given in laid]
        found = [
            plan(of, [tuple(given.shape) for given in x], weights, last=is_last, threads=threads) for threads in (1, 2)
        ]
        plans += found
        for want, one, two in zip(wants, *(each.run(laid) for each in found), strict=True):
            assert one.shape == want.shape
            assert one.is_contiguous(memory_format=LAST if any(is_last) and one.ndim == 4 else torch.contiguous_format)
            assert torch.equal(one, two)
            scale = max(1.0, float(want.abs().max()))
            torch.testing.assert_close(one.double() / scale, want / scale, rtol=rtol, atol=rtol / 10)
    return plans[0]


def ops(of: Plan) -> list[str]:
    """What the steps of a plan are."""
    return [step.op for step in of.lowered.steps]
