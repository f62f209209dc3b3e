"""ops.positional: three operators that are each other's gradients, as PyTorch wants operators to be."""

import pytest
import torch
from family import positions_of, problems
from hypothesis import given, settings
from torch.autograd import forward_ad

from striate.errors import OptionError
from striate.ops.positional import bilinear, tiled_conv, tiled_conv_kernel_gradient, tiled_conv_transpose

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


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # PyTorch's own forward mode uses it
@operators
@pytest.mark.parametrize("moved", [(True, False), (False, True), (True, True)], ids=["first", "second", "both"])
def test_forward_mode_gives_the_slope(op, tensors, rest, moved):
    """Along tangents, the product rule: what each operand's tangent makes of the other one, added up."""
    first, second = tensors[0], tensors[1]
    along_first, along_second = torch.randn_like(first) * moved[0], torch.randn_like(second) * moved[1]
    found = torch.func.jvp(lambda a, b: bilinear(op, a, b, *rest), (first, second), (along_first, along_second))
    torch.testing.assert_close(found[0], op(first, second, *rest))
    torch.testing.assert_close(found[1], op(along_first, second, *rest) + op(first, along_second, *rest))
    assert found[1].any()


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # PyTorch's own forward mode uses it
@pytest.mark.refusal
@operators
def test_forward_and_reverse_mode_are_not_mixed(op, tensors, rest):
    """PyTorch would drop the tangents that the second derivative needs, and give a wrong one."""
    first, second = tensors[0], tensors[1].clone().requires_grad_()

    def slope():
        with forward_ad.dual_level():
            return forward_ad.unpack_dual(bilinear(op, forward_ad.make_dual(first, first), second, *rest)).tangent

    with pytest.raises(OptionError) as error:
        slope()
    assert str(error.value) == (
        "unshared and tiled convolution: forward and reverse mode cannot be mixed.\n"
        "  input_requires_grad  False\n"
        "  other_requires_grad  True\n"
        "For the slope alone, call within torch.no_grad(); for second derivatives use reverse mode twice."
    )
    with torch.no_grad():
        torch.testing.assert_close(slope(), op(first, second, *rest))


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
