"""What is left to PyTorch: its answers, and what is computed but once."""

import torch
from small_graphs import conv, drawn, graph

from striate.compile import left
from striate.compile.graph import Node
from striate.compile.interpret import run
from striate.compile.left import Left, follows_from_sizes
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
    for part in (Left(of, follows_from_sizes(of)), Left(of, follows_from_sizes(of), keeps=False)):
        for size in ((1, 3, 4, 6), (2, 3, 5, 5), (1, 3, 4, 6)):
            x = drawn(*size)
            assert torch.equal(part.run([x], size)[0], run(of, x)[0])


def test_what_follows_from_sizes_is_computed_once_for_each(monkeypatch):
    """Three operations and the one that reads numbers, then that one alone, until another size comes."""
    ran = []
    whole = left.run

    def counted(graph, *inputs):
        ran.extend(node.name for node in graph.nodes)
        return whole(graph, *inputs)

    monkeypatch.setattr(left, "run", counted)
    part = Left(masked(), follows_from_sizes(masked()))
    for size in ((1, 3, 4, 6), (1, 3, 4, 6), (1, 3, 6, 4)):
        part.run([drawn(*size)], size)
    assert ran == ["h", "w", "ones", "mask", "y", "y", "h", "w", "ones", "mask", "y"]


def test_a_mask_may_be_made_in_parts():
    """What follows from the input's size is kept where the core's work lies between."""
    of = graph(
        conv("c", "x", "w"),
        operator("z", "aten.cumsum.default", "c", args=({"input": 0}, 1)),
        operator("h", "aten.sym_size.int", "x", args=({"input": 0}, 2)),
        operator("w2", "aten.sym_size.int", "x", args=({"input": 0}, 3)),
        operator("ones", "aten.new_ones.default", "z", "h", "w2", args=({"input": 0}, ({"input": 1}, {"input": 2}))),
        conv("d", "z", "v"),
        operator("y", "aten.mul.Tensor", "d", "ones"),
        w=drawn(4, 3, 3, 3),
        v=drawn(4, 4, 3, 3),
    )
    program = Program(of)
    assert [type(piece.part).__name__ for piece in program.pieces] == ["Part", "Left", "Part", "Left"]
    for size in ((1, 3, 4, 6), (2, 3, 5, 5), (1, 3, 4, 6)):
        x = drawn(*size)
        for _ in range(2):
            torch.testing.assert_close(program.run(x)[0], run(of, x)[0], rtol=1e-4, atol=1e-4)


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
    part = Left(masked(), follows_from_sizes(masked()))
    for height in range(1, 21):
        part.run([drawn(1, 3, height, 2)], height)
    assert len(part._known) == 16
