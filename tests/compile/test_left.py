"""What is left to PyTorch: its answers, and what is computed but once."""

import torch
from small_graphs import drawn, graph

from striate.compile import left
from striate.compile.graph import Node
from striate.compile.interpret import run
from striate.compile.left import Left
from striate.compile.program import Program


def operator(name, target, *inputs, args=None):
    """An operator of PyTorch's that takes its inputs one by one, unless arguments say otherwise."""
    args = args or tuple({"input": place} for place in range(len(inputs)))
    return Node(name, "torch", inputs, {"target": target, "args": args, "kwargs": {}})


def masked(*outputs):
    """Numbers after a triangular mask that follows from the size: `y = x - triu(ones(h, w))`."""
    return graph(
        operator("h", "aten.sym_size.int", "x", args=({"input": 0}, 2)),
        operator("w", "aten.sym_size.int", "x", args=({"input": 0}, 3)),
        operator("ones", "aten.new_ones.default", "x", "h", "w", args=({"input": 0}, ({"input": 1}, {"input": 2}))),
        operator("mask", "aten.triu.default", "ones"),
        operator("y", "aten.sub.Tensor", "x", "mask"),
        outputs=outputs or ("y",),
    )


def test_it_is_what_the_graph_is():
    """At any size, also the second time; with what is kept and without."""
    of = masked()
    for part in (Left(of), Left(of, keeps=False)):
        for size in ((1, 3, 4, 6), (2, 3, 5, 5), (1, 3, 4, 6)):
            x = drawn(*size)
            assert torch.equal(part.run([x])[0], run(of, x)[0])


def test_what_follows_from_sizes_is_computed_once_for_each(monkeypatch):
    """Three operations and the one that reads numbers, then that one alone, until another size comes."""
    ran = []
    whole = left.run

    def counted(graph, *inputs):
        ran.extend(node.name for node in graph.nodes)
        return whole(graph, *inputs)

    monkeypatch.setattr(left, "run", counted)
    part = Left(masked())
    for size in ((1, 3, 4, 6), (1, 3, 4, 6), (1, 3, 6, 4)):
        part.run([drawn(*size)])
    assert ran == ["h", "w", "ones", "mask", "y", "y", "h", "w", "ones", "mask", "y"]


def test_numbers_among_the_inputs_are_sizes():
    """What is computed of a number that is passed follows from it; what is computed of a tensor does not."""
    of = graph(
        operator("z", "aten.new_zeros.default", "x", "n", args=({"input": 0}, ({"input": 1},))),
        operator("y", "aten.add.Tensor", "z", "b"),
        outputs=("z", "y"),
        size=(2, 3),
        n=torch.tensor(0),
        b=torch.ones(1),
    )
    inputs = {**of.inputs, "n": of.inputs["x"]}
    part = Left(type(of)(inputs, of.nodes, of.outputs, {"b": of.constants["b"]}), {"n"})
    for n in (4, 7, 4):
        zeros, ones = part.run([drawn(2, 3), n])
        assert torch.equal(zeros, torch.zeros(n))
        assert torch.equal(ones, torch.ones(n))


def test_who_gets_what_is_kept_may_write_into_it():
    """Whether it is returned itself or another view of it: the next run gives the same."""
    of = graph(
        *masked().nodes,
        operator("wide", "aten.expand_as.default", "mask", "x"),
        outputs=("y", "mask", "wide"),
    )
    program, x = Program(of), drawn(1, 3, 4, 6)
    wanted = [value.clone() for value in program.run(x)]
    for _ in range(2):
        found = program.run(x)
        for got, want in zip(found, wanted, strict=True):
            assert torch.equal(got, want)
            got.select(0, 0).select(0, 0).add_(1)


def test_many_sizes_are_not_all_kept():
    """The last ones are."""
    part = Left(masked())
    for height in range(1, 21):
        part.run([drawn(1, 3, height, 2)])
    assert len(part._known) == 16
