"""Programs of the core: the functions that numbers are bent by, and the choice of algorithms."""

import pytest
import torch
from torch.nn import functional as F

from striate import engine
from striate.engine.choice import Choice, asked
from striate.engine.problem import Problem
from striate.engine.program import BENDS, arena, bent, choose, key, new, pooling, prepared

TORCHS = {
    "relu": ((), F.relu),
    "clip": ((-0.5, 2.0), lambda x: x.clamp(-0.5, 2.0)),
    "leaky_relu": ((0.2,), lambda x: F.leaky_relu(x, 0.2)),
    "sigmoid": ((), torch.sigmoid),
    "tanh": ((), torch.tanh),
    "silu": ((), F.silu),
    "gelu": ((), F.gelu),
    "gelu_tanh": ((), lambda x: F.gelu(x, approximate="tanh")),
    "hardswish": ((), F.hardswish),
    "hardsigmoid": ((), F.hardsigmoid),
    "elu": ((0.7,), lambda x: F.elu(x, 0.7)),
}
PROBLEM = Problem.of((1, 8, 9, 9), (16, 8, 3, 3), padding=(1, 1))


@pytest.mark.parametrize("name", BENDS)
def test_bends_as_pytorch_does(name):
    """Every function is PyTorch's, of small numbers, large ones and those that are none."""
    numbers, torchs = TORCHS[name]
    x = torch.cat([torch.randn(1000, generator=torch.Generator().manual_seed(0)) * 4, torch.tensor([0.0, 90.0, -90.0])])
    x = torch.cat([x, torch.tensor([float("nan")])])
    y, program = torch.empty_like(x), new()
    program.map((1, 1, x.numel()), ((0, 0), 0, 0, 0), None, None, (1, 0), (0, 0), bent(name, *numbers))
    program.run([x.data_ptr(), y.data_ptr()], 0, 1)
    torch.testing.assert_close(y, torchs(x), rtol=2e-6, atol=2e-6, equal_nan=True)


def test_a_program_is_what_its_instructions_are():
    """A convolution, then a pooling of what it gave: the same numbers as one after the other."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(PROBLEM.input, generator=generator).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(PROBLEM.weight, generator=generator)
    place, program = choose(PROBLEM, 1).place, new()
    numbers = prepared(weight, place, PROBLEM, 1)
    output = torch.empty((1, 16, 4, 4), memory_format=torch.channels_last)
    program.convolve(place, PROBLEM.handle, (1, 0), numbers.data_ptr(), 0, None, (0, 0), None, None)
    steps = ((2, 2), (2, 2), (0, 0), (1, 1))
    program.max_pool(pooling(PROBLEM.output, (4, 4), steps), (0, 0), (2, 0))
    assert program.size == 2
    kept, floats, scratch = arena(16 * 81, program.scratch_bytes(1))
    seconds = torch.full((2,), -1.0, dtype=torch.float64)
    program.run([floats, x.data_ptr(), output.data_ptr()], scratch, 1, seconds.data_ptr())
    torch.testing.assert_close(output, F.max_pool2d(F.conv2d(x, weight, padding=1), 2), rtol=1e-4, atol=1e-4)
    assert seconds.min() >= 0
    assert kept.nbytes >= 4 * 16 * 81


def test_the_choice_depends_on_neither_batch_nor_threads():
    """What is chosen for one image on one thread is chosen for all: bits depend on the choice."""
    for size in ((64, 56), (512, 7)):
        one, many = (Problem.of((n, size[0], size[1], size[1]), (64, size[0], 3, 3)) for n in (1, 16))
        assert choose(one, 1).algorithm == choose(many, 2).algorithm


def test_the_choice_is_as_asked():
    """A class of accuracy leaves out what is not as exact; what is forced comes before what is wanted."""
    large = Problem.of((1, 64, 56, 56), (64, 64, 3, 3))
    with engine.accuracy("exact"):
        assert not choose(large, 1).algorithm.startswith("winograd")
    assert choose(large, 1, "direct") == choose(large, 1)._replace(
        place=choose(large, 1, "direct").place,
        algorithm="direct",
        seconds=choose(large, 1, "direct").seconds,
        how="measured",
    )
    with engine.use("winograd-2x2"):
        assert choose(large, 1, "direct")[1::2] == ("winograd-2x2", "forced")
    assert "torch" not in choose(large, 1).others


def test_small_memory_leaves_out_what_is_larger_than_the_weight():
    """Unless it is forced, or small by itself."""
    large, few = (Problem.of((1, c, 28, 28), (c, c, 3, 3), padding=(1, 1)) for c in (256, 32))
    assert choose(large, 1).algorithm.startswith("winograd")
    with asked(Choice(memory="small")):
        assert not choose(large, 1).algorithm.startswith("winograd")
        assert any(name.startswith("winograd") for name in choose(few, 1).others)
    with asked(Choice("winograd-4x4", memory="small")):
        assert choose(large, 1).algorithm == "winograd-4x4"


def test_only_the_cores_own_are_chosen():
    """Fourier transforms are no algorithm of the core's, whatever they would take."""
    large = Problem.of((1, 16, 128, 128), (16, 16, 31, 31), padding=(15, 15))
    assert engine.plan(large).algorithm == "fft"
    assert choose(large, 1).algorithm == "direct"


def test_weights_are_alike_where_their_key_is():
    """The form of a weight does not depend on the size of the images."""
    place = choose(PROBLEM, 1).place
    other = Problem.of((4, 8, 30, 20), (16, 8, 3, 3), padding=(1, 1))
    weight = torch.randn(PROBLEM.weight, generator=torch.Generator().manual_seed(0))
    assert key(place, PROBLEM) == key(place, other)
    assert torch.equal(prepared(weight, place, PROBLEM, 1), prepared(weight, place, other, 2))
