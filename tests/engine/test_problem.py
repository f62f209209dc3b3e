"""engine.problem: sizes that fit together, or a reason."""

import pytest
import torch
from convolutions import CASES, problem, tensors

from striate.engine import Problem, by_torch
from striate.errors import OptionError, ShapeError


@pytest.mark.parametrize("case", CASES)
def test_sizes_are_those_of_the_tensors(case):
    """The output has the shape that PyTorch gives it, and the weight its own."""
    x, weight, bias, settings = tensors(case, grad=False)
    want = by_torch.convolve(x, weight, bias, *settings)
    assert problem(case).output == tuple(want.shape) == tuple(problem(case).handle.output)
    assert problem(case).weight == tuple(weight.shape)


def test_the_work_is_counted():
    """A multiply-add for each tap of each kernel at each position; a group's kernels see its channels only."""
    assert Problem.of((2, 4, 5, 6), (8, 4, 3, 3)).multiply_adds == 2 * 8 * 3 * 4 * 4 * 9
    assert Problem.of((2, 4, 5, 6), (8, 2, 3, 3), groups=2).multiply_adds == 2 * 8 * 3 * 4 * 2 * 9


def test_directions_are_of_one_convolution():
    """The sizes stay; what is done to an output before it is stored is of the forward pass alone."""
    forward = Problem.of((2, 4, 5, 6), (8, 4, 3, 3), bias=True)
    turned = forward.turned("input gradient")
    assert (turned.output, turned.bias, turned.direction) == (forward.output, False, "input gradient")
    assert forward.turned("forward") is forward
    assert turned != forward
    assert str(turned) == (
        "input gradient  N=2 C=4 H=5 W=6  K=8 R=3 S=3  stride 1x1  padding 0,0,0,0  dilation 1x1  groups 1  "
        "channels_last"
    )


REFUSALS = {
    "channels": (
        {"input": (1, 3, 8, 8), "weight": (8, 4, 3, 3)},
        "conv2d: input has 3 channels, but weight takes 4.\n"
        "  input   (1, 3, 8, 8)\n"
        "  weight  (8, 4, 3, 3)\n"
        "  groups  1\n"
        "Pass input with 4 channels, or a weight made for 3.",
    ),
    "groups": (
        {"input": (1, 4, 8, 8), "weight": (9, 2, 3, 3), "groups": 2},
        "conv2d: groups do not divide the channels.\n"
        "  channels  4\n"
        "  kernels   9\n"
        "  groups    2\n"
        "Give groups that divide both the input's channels and the kernels.",
    ),
    "stride": (
        {"input": (1, 4, 8, 8), "weight": (8, 4, 3, 3), "stride": (1, -2)},
        "conv2d: stride has a size below 1.\n  stride  (1, -2)\nGive 1 or more.",
    ),
    "fit": (
        {"input": (1, 4, 2, 8), "weight": (8, 4, 3, 3)},
        "conv2d: the kernel does not fit into the padded input.\n"
        "  input     (1, 4, 2, 8)\n"
        "  kernels   (8, 3, 3)\n"
        "  dilation  (1, 1)\n"
        "  padding   (0, 0, 0, 0)\n"
        "Pad more, dilate less, or pass a larger input.",
    ),
}


@pytest.mark.refusal
@pytest.mark.parametrize("what", REFUSALS)
def test_sizes_that_do_not_fit_are_explained(what):
    """The whole text."""
    given, text = REFUSALS[what]
    with pytest.raises(ShapeError) as error:
        Problem.of(given.pop("input"), given.pop("weight"), **given)
    assert str(error.value) == text


@pytest.mark.refusal
def test_an_unknown_direction_is_explained():
    """The whole text."""
    with pytest.raises(OptionError) as error:
        Problem.of((1, 4, 8, 8), (8, 4, 3, 3), direction="sideways")
    assert str(error.value) == (
        "conv2d: there is no such direction.\n"
        "  direction  'sideways'\n"
        "Choose one of: forward, input gradient, weight gradient."
    )


@pytest.mark.refusal
def test_numbers_that_are_not_convolved_are_explained():
    """The whole text."""
    with pytest.raises(OptionError) as error:
        Problem.of((1, 4, 8, 8), (8, 4, 3, 3), dtype=torch.int8)
    assert str(error.value) == (
        "conv2d: the engine convolves no such numbers.\n"
        "  dtype  torch.int8\n"
        "Choose one of: torch.float32, torch.float64."
    )


def test_doubles_are_another_problem():
    """Whose line says so, since measured times go by it."""
    usual = Problem.of((1, 4, 8, 8), (8, 4, 3, 3))
    doubles = Problem.of((1, 4, 8, 8), (8, 4, 3, 3), dtype=torch.float64)
    assert doubles != usual
    assert str(doubles) == f"{usual}  float64"


def test_two_of_the_same_are_one():
    """Problems are compared by their sizes, so that plans are found again."""
    assert len({Problem.of(torch.Size([1, 4, 8, 8]), [8, 4, 3, 3]), Problem.of([1, 4, 8, 8], (8, 4, 3, 3))}) == 1
