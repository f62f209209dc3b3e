"""ops.positional: three operators that are each other's gradients, as PyTorch wants operators to be."""

import pytest
import torch
from family import positions_of, problems
from hypothesis import given, settings

from striate.ops.positional import tiled_conv, tiled_conv_kernel_gradient, tiled_conv_transpose

SETTINGS = ([1, 2], [1, 0], [1, 2], [1, 1], 2, False)
X = torch.randn(2, 4, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
W = torch.randn(2, 3, 4, 2, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
Y = torch.randn(2, 4, 5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2))

# (operator, its two tensors, what follows them)
OPERATORS = {
    "convolution": (tiled_conv, (X, W), SETTINGS),
    "transposed": (tiled_conv_transpose, (Y, W), ([4, 3], *SETTINGS)),
    "kernel gradient": (tiled_conv_kernel_gradient, (X, Y), (list(W.shape), *SETTINGS)),
}
operators = pytest.mark.parametrize(("op", "tensors", "rest"), OPERATORS.values(), ids=OPERATORS)


@operators
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_gradients_are_right_twice(op, tensors, rest, dtype):
    """First and second derivatives are those of finite differences, for complex numbers too."""
    operands = tuple((t * (1 + 0.5j) if dtype.is_complex else t.clone()).requires_grad_() for t in tensors)

    def call(a, b):
        return op(a, b, *rest)

    torch.autograd.gradcheck(call, operands, fast_mode=dtype.is_complex)
    torch.autograd.gradgradcheck(call, operands, fast_mode=dtype.is_complex)


@pytest.mark.traced
@operators
def test_is_what_pytorch_expects_of_an_operator(op, tensors, rest):
    """Schema, fake kernel, autograd registration and dynamic shapes hold."""
    operands = tuple(t.clone().requires_grad_() for t in tensors)
    torch.library.opcheck(op, (*operands, *rest))


@given(problems())
@settings(max_examples=40)
def test_all_three_share_one_sum(problem):
    """<conv(x, w), y> = <x, transposed(y, w)> = <w, kernel gradient(x, y)>."""
    tiles = tuple(2 for _ in problem.size)
    x, w, y = problem.input(), problem.weight(tiles), problem.output()
    before, after = (list(side) for side in zip(*problem.sides, strict=True))
    rest = (problem.stride, before, after, problem.dilation, problem.groups, problem.flip)
    want = (positions_of(problem, x, w) * y).sum()
    torch.testing.assert_close((x * tiled_conv_transpose(y, w, problem.size, *rest)).sum(), want)
    torch.testing.assert_close((w * tiled_conv_kernel_gradient(x, y, w.shape, *rest)).sum(), want)


@operators
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_precisions_are_near_float64(op, tensors, rest, dtype):
    """Half precision is summed in single: the error is that of rounding operands and result."""
    want = op(*tensors, *rest)
    got = op(*(t.to(dtype) for t in tensors), *rest)
    assert got.dtype == dtype
    limit = 16 * torch.finfo(dtype).eps
    torch.testing.assert_close(got.double(), want, rtol=limit, atol=limit)


@operators
def test_needs_only_shapes(op, tensors, rest):
    """On the meta device the result has the same shape."""
    assert op(*(t.to("meta") for t in tensors), *rest).shape == op(*tensors, *rest).shape
