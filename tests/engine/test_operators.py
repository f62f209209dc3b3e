"""engine.operators: what compilers see computes what the door does."""

import pytest
import torch
from convolutions import CASES, problem, tensors
from torch.nn import functional as F

from striate.engine import by_torch, conv2d, use
from striate.engine.calls import pair, sides
from striate.engine.operators import conv2d as operator
from striate.engine.operators import conv2d_finished as finished


def written(case, **more):
    """The tensors of a case, and its settings as operators take them."""
    x, weight, bias, (stride, padding, dilation, groups) = tensors(case, **more)
    return x, weight, bias, pair("", stride), sides(padding, weight.shape, dilation), pair("", dilation), groups


@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("case", ["3x3", "stem", "depthwise strided", "cut and strided"])
def test_pytorchs_checks_of_an_operator_pass(case, channels_last):
    """Its schema, its fake kernel's shapes and steps, its gradients under AOT and with sizes unknown."""
    torch.library.opcheck(operator, written(case, channels_last=channels_last))


@pytest.mark.parametrize("added", [True, False])
@pytest.mark.parametrize("case", ["3x3", "cut and strided"])
def test_pytorchs_checks_pass_of_what_is_added_and_rectified(case, added):
    """The same; and it computes what the door does."""
    given = written(case)
    residual = torch.randn(problem(case).output, requires_grad=True) if added else None
    torch.library.opcheck(finished, (*given, residual, True))
    x, weight, bias, *settings = given
    given = [x, weight, bias, residual][: 3 + added]
    found = torch.autograd.grad(finished(x, weight, bias, *settings, residual, True).square().sum(), given)
    want = torch.autograd.grad(conv2d(x, weight, bias, *settings, residual=residual, relu=True).square().sum(), given)
    torch.testing.assert_close(found, want)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_the_definitions(case, dtype):
    """By our algorithms where they can, by PyTorch's in double precision."""
    given = written(case, dtype=dtype)
    want = by_torch.convolve(*given)
    gradient = torch.randn(want.shape, dtype=dtype)
    wants = torch.autograd.grad(want, given[:3], gradient)
    found = operator(*given)
    torch.testing.assert_close(found, want, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(torch.autograd.grad(found, given[:3], gradient), wants, rtol=1e-4, atol=1e-4)


def test_second_gradients_are_pytorchs():
    """A gradient that is differentiated is made of PyTorch's own operators."""
    given = written("3x3")

    def second(output):
        (first,) = torch.autograd.grad(output.square().sum(), given[1], create_graph=True)
        return torch.autograd.grad(first.square().sum(), given[:2])

    torch.testing.assert_close(second(operator(*given)), second(by_torch.convolve(*given)), rtol=1e-3, atol=1e-1)


@pytest.mark.parametrize("axes", [(0, None, None), (None, 0, None), (0, 0, 0)])
def test_a_batch_of_convolutions_is_pytorchs(axes):
    """Whichever of the three there are several of."""
    given = written("3x3", grad=False)
    several = [t if axis is None else torch.stack([t, 2 * t]) for t, axis in zip(given[:3], axes, strict=True)]
    found = torch.vmap(lambda *t: operator(*t, *given[3:]), axes)(*several)
    want = torch.vmap(lambda *t: by_torch.convolve(*t, *given[3:]), axes)(*several)
    torch.testing.assert_close(found, want)
    residual = torch.randn(3, *problem("3x3").output)[: want.shape[0]]
    found = torch.vmap(lambda *t: finished(*t[:3], *given[3:], t[3], True), (*axes, 0))(*several, residual)
    torch.testing.assert_close(found, F.relu(want + residual))


@pytest.mark.traced
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the compiler itself
def test_a_compiled_function_is_one_graph_with_its_gradients():
    """Output and gradients as without; the graph holds our operator, unbroken, also for sizes it was not made for."""
    weight, bias = torch.randn(6, 4, 3, 3, requires_grad=True), torch.randn(6, requires_grad=True)

    def loss(x):
        first = F.relu(conv2d(x, weight, bias, padding=1))
        return conv2d(first[:, :4], weight, bias, padding=1, residual=first, relu=True).square().sum()

    torch._dynamo.reset()
    compiled = torch.compile(loss, fullgraph=True, dynamic=True)
    for size in (8, 11):
        x = torch.randn(2, 4, size, size)
        found = torch.autograd.grad(compiled(x), (weight, bias))
        torch.testing.assert_close(found, torch.autograd.grad(loss(x), (weight, bias)), rtol=1e-3, atol=1e-2)


@pytest.mark.traced
def test_an_exported_program_holds_the_operator():
    """And computes the same, by what is asked when it runs."""

    class Module(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.randn(6, 4, 3, 3))

        def forward(self, x):
            return conv2d(x, self.weight, stride=2)

    module, x = Module(), torch.randn(1, 4, 9, 9)
    program = torch.export.export(module, (x,))
    assert "striate.conv2d" in program.graph_module.code
    with use("direct"):
        assert torch.equal(program.module()(x), module(x))
