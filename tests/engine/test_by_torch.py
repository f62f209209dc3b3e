"""engine.by_torch: PyTorch's convolution, with padding on each side."""

import pytest
import torch
from convolutions import CASES, problem, tensors
from torch.nn import functional as F

from striate.engine import by_torch


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_those_of_autograd(case):
    """Both, each alone, and none, whatever the padding; where only sizes matter, NaN changes nothing."""
    x, weight, bias, settings = tensors(case, dtype=torch.float64)
    output = by_torch.convolve(x, weight, bias, *settings)
    gradient = torch.randn_like(output)
    want = torch.autograd.grad(output, (x, weight), gradient)
    stride, _, dilation, groups = settings
    sides = problem(case).padding
    rest = (stride, sides, dilation, groups)
    nothing = torch.full_like(x, torch.nan), torch.full_like(weight, torch.nan)
    both = by_torch.gradients(gradient, x, weight, *rest, (True, True))
    torch.testing.assert_close(both, want)
    torch.testing.assert_close(by_torch.gradients(gradient, nothing[0], weight, *rest, (True, False))[0], want[0])
    torch.testing.assert_close(by_torch.gradients(gradient, x, nothing[1], *rest, (False, True))[1], want[1])


def test_padding_on_each_side_is_padding():
    """Added zeros are zeros, and what is cut is gone."""
    x, weight = torch.randn(1, 2, 5, 6), torch.randn(3, 2, 2, 2)
    found = by_torch.convolve(x, weight, None, 1, (2, -1, 0, 3), 1, 1)
    torch.testing.assert_close(found, F.conv2d(F.pad(x, (0, 3, 2, -1)), weight))


def test_the_rest_is_as_torch_takes_it():
    """Names and single numbers go through."""
    x, weight = torch.randn(2, 5, 6), torch.randn(3, 2, 3, 3)
    assert torch.equal(by_torch.convolve(x, weight, None, 1, "same", 2, 1), F.conv2d(x, weight, None, 1, 2, 2))
