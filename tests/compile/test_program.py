"""Programs: what they take, what they give, and many threads at once."""

import threading

import pytest
import torch
from small_graphs import conv, drawn, graph, residual_network

from striate.compile.graph import Node
from striate.compile.interpret import run
from striate.compile.part import Part
from striate.compile.program import Program
from striate.errors import DtypeError, OptionError, ShapeError


def mixed():
    """A network of which a part is PyTorch's."""
    sums = {"target": "aten.cumsum.default", "args": ({"input": 0}, 1), "kwargs": {}}
    nodes = (
        conv("a", "x", "w", activation=("relu",)),
        Node("t", "torch", ("a",), sums),
        conv("y", "t", "v", None, "a"),
    )
    return graph(*nodes, w=drawn(4, 3, 3, 3), v=drawn(4, 4, 3, 3) / 6)


@pytest.mark.parametrize("of", [residual_network(), mixed()], ids=["core", "mixed"])
def test_a_program_is_the_network(of):
    """Of any batch and size, in either layout; images are returned as they came."""
    program = Program(of)
    for size in ((2, 3, 8, 8), (1, 3, 8, 8)):
        for layout in (torch.contiguous_format, torch.channels_last):
            x = drawn(*size).contiguous(memory_format=layout)
            for got, want in zip(program.run(x), run(of, x), strict=True):
                torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)


def test_what_is_pytorchs_is_exactly_so():
    """Nothing but the sums of its own parts is the core's."""
    program = Program(mixed())
    assert program.left == {"t": "aten.cumsum.default is PyTorch's"}
    assert [isinstance(piece.part, Part) for piece in program.pieces] == [True, False, True]


def test_one_output_is_returned_by_itself():
    """Called as the model was."""
    assert isinstance(Program(mixed())(drawn(2, 3, 8, 8)), torch.Tensor)
    assert len(Program(residual_network())(drawn(2, 3, 8, 8))) == 2


def test_inputs_that_want_gradients_are_taken():
    """And no gradients are given."""
    assert not Program(mixed())(drawn(2, 3, 8, 8).requires_grad_()).requires_grad


@pytest.mark.refusal
def test_a_program_says_what_it_does_not_take():
    """Other sizes, other kinds of numbers, another number of inputs."""
    program = Program(residual_network())
    with pytest.raises(ShapeError) as size:
        program(drawn(2, 4, 8, 8))
    assert str(size.value) == (
        "program: an input is not of the size that the network takes.\n"
        "  input  x\n"
        "  size   (2, 4, 8, 8)\n"
        "Pass one of (any, 3, any, any), or compile the model with an example of that size."
    )
    with pytest.raises(DtypeError) as dtype:
        program(drawn(2, 3, 8, 8).double())
    assert str(dtype.value) == (
        "program: it takes 32-bit floats on the processor.\n"
        "  input   x\n"
        "  dtype   torch.float64\n"
        "  device  cpu\n"
        "Pass x.float().cpu()."
    )
    with pytest.raises(OptionError) as count:
        program()
    assert str(count.value) == ("program: it takes 1 inputs, and is given 0.\n  inputs  x\nPass one tensor for each.")


def test_eight_threads_share_a_program():
    """Each has the answer to its own question, every time."""
    program = Program(residual_network())
    questions = [drawn(1, 3, 8, 8, seed=seed) for seed in range(8)]
    answers = [program.run(x) for x in questions]
    wrong = []

    def ask(number):
        for _ in range(50):
            found = program.run(questions[number])
            if not all(map(torch.equal, found, answers[number])):
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def resident():
    """Bytes of memory that this process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def test_denormal_numbers_are_themselves_again_afterwards():
    """Also on threads that begin while a program runs: they take over the word of the thread that calls."""
    program, x = Program(residual_network()), drawn(8, 3, 8, 8)
    tiny, found = torch.full((1 << 18,), 1e-39), []

    def work():  # a thread of Python's has a team of its own, which begins here
        torch.set_num_threads(2)
        program.run(x)
        found.append(bool((tiny * 1.0).ne(0).all()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    torch.set_num_threads(1)
    assert found == [True]


def test_runs_leak_nothing():
    """Ten thousand of them, of three sizes by turns, keep what the first hundred took."""
    program, images = Program(residual_network()), [drawn(n, 3, 8, 8) for n in (1, 2, 3)]
    before = 0
    for turn in range(10_000):
        if turn == 100:
            before = resident()
        program.run(images[turn % 3])
    assert resident() - before < 2**20
