"""What a program is made of, in words."""

import torch
from small_graphs import conv, drawn, graph, residual_network

from striate.compile.graph import Node
from striate.compile.program import Program


def test_every_step_is_told():
    """With its algorithm, what it was expected to take, and what it took."""
    found = Program(residual_network()).explain()
    assert [line.op for line in found.lines][1:] == ["conv", "conv", "conv", "max_pool", "linear", "softmax"]
    assert all(line.measured is not None and line.measured >= 0 for line in found.lines)
    assert all(line.algorithm for line in found.lines if line.op in ("conv", "linear"))
    assert found.arena_bytes > 0
    assert found.weight_bytes > 0
    assert len(str(found).splitlines()) == len(found.lines) + 2


def test_what_is_left_to_pytorch_says_why():
    """By name, in the table and below it."""
    sums = {"target": "aten.cumsum.default", "args": ({"input": 0}, 1), "kwargs": {}}
    nodes = (conv("a", "x", "w"), Node("t", "torch", ("a",), sums))
    text = str(Program(graph(*nodes, w=drawn(4, 3, 3, 3))).explain(torch.ones(1, 3, 8, 8)))
    assert "left to PyTorch: t: aten.cumsum.default is PyTorch's" in text
    assert any(line.split()[:3] == ["t", "torch", "PyTorch"] for line in text.splitlines())
