"""engine.differentiate: gradients of any order are those of PyTorch's convolution in double precision."""

import pytest
import torch
from convolutions import CASES, problem, tensors
from torch.utils.checkpoint import checkpoint

from striate.engine import by_torch, conv2d, convolve, reproducible
from striate.engine.choice import Choice
from striate.engine.convolve import Call
from striate.engine.differentiate import convolved, input_gradient, weight_gradient
from striate.engine.limits import limits

OURS = Choice("", "default", torch=False)


def call(case, *, bias=False):
    return Call(problem(case, bias=bias), 1, OURS, limits())


def orders(output, given, arriving):
    """First, second and third derivatives of what is not linear in anything."""
    first = torch.autograd.grad(output, given, arriving, create_graph=True)
    second = torch.autograd.grad([g.square().sum() for g in first], given, create_graph=True)
    return first, second, torch.autograd.grad([g.sum() for g in second], given)


@pytest.mark.parametrize("case", ["3x3", "3x3 strided", "stem", "depthwise strided", "dilated", "cut and strided"])
def test_derivatives_of_three_orders(case):
    """Of the output, with a gradient that is differentiated as well."""
    x, weight, bias, settings = tensors(case)
    exact = tensors(case, dtype=torch.float64)[:3]
    want = by_torch.convolve(*exact, *settings)
    found = convolved(call(case, bias=True), x, weight, bias)
    arriving = torch.randn(want.shape, dtype=torch.float64)
    wants = orders(want.square(), exact[:2], arriving)
    founds = orders(found.square(), (x, weight), arriving.float())
    for got, wanted in zip(founds, wants, strict=True):
        for g, w in zip(got, wanted, strict=True):
            scale = w.abs().max().item()
            torch.testing.assert_close(g.double() / scale, w / scale, rtol=0, atol=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_adjoint(case):
    """`⟨conv(x, w), g⟩ = ⟨x, input gradient(g, w)⟩ = ⟨w, weight gradient(g, x)⟩`: one sum, linear in each."""
    x, weight, _, _ = tensors(case, grad=False)
    made = call(case)
    gradient = torch.randn(made.problem.output)
    sums = [
        (made.forward(x, weight, None) * gradient).sum(),
        (x * input_gradient(made, gradient, weight)).sum(),
        (weight * weight_gradient(made, gradient, x, weight)).sum(),
    ]
    scale = gradient.norm() * weight.norm() * x.norm()
    assert max(sums) - min(sums) < 1e-5 * scale


def test_pytorchs_gradients_take_denormals_for_zero(monkeypatch):
    """Where PyTorch computes all directions, of what is large; what is small it records by itself."""
    x, weight, _, _ = tensors("3x3")
    small = (weight.detach() * 1e-39).requires_grad_()
    founds = []
    for seconds in (0.0, 1.0):
        monkeypatch.setattr(convolve, "_LARGE", seconds)
        made = Call(problem("3x3"), 1, Choice("torch"), limits())
        output = convolved(made, x, small, None)
        founds.append(torch.autograd.grad(output, x, torch.ones_like(output))[0])
    assert (founds[0] == 0).all()
    assert (founds[1] != 0).any()


def test_a_batch_of_gradients_is_pytorchs():
    """`is_grads_batched` sends vmap through backward, where the core cannot follow."""
    x, weight, bias, settings = tensors("3x3")
    with reproducible():
        output = conv2d(x, weight, bias, *settings)
    several = torch.randn(3, *output.shape)
    found = torch.autograd.grad(output, (x, weight, bias), several, is_grads_batched=True)
    wants = [torch.autograd.grad(by_torch.convolve(x, weight, bias, *settings), (x, weight, bias), g) for g in several]
    for got, each in zip(found, zip(*wants, strict=True), strict=True):
        torch.testing.assert_close(got, torch.stack(each), rtol=1e-4, atol=1e-3)


def test_what_is_kept_for_backward_may_be_computed_again():
    """Checkpointing, and hooks on saved tensors, give the same gradients."""
    x, weight, bias, settings = tensors("3x3")
    with reproducible():
        plain = torch.autograd.grad(conv2d(x, weight, bias, *settings).square().sum(), (x, weight, bias))
        again = checkpoint(lambda *t: conv2d(*t, *settings).square().sum(), x, weight, bias, use_reentrant=False)
        with torch.autograd.graph.save_on_cpu():
            moved = conv2d(x, weight, bias, *settings).square().sum()
    torch.testing.assert_close(torch.autograd.grad(again, (x, weight, bias)), plain)
    torch.testing.assert_close(torch.autograd.grad(moved, (x, weight, bias)), plain)


def test_only_what_a_gradient_reads_is_kept():
    """Of a frozen weight's layer no input, of a first layer no weight."""
    x, weight, _, settings = tensors("3x3", grad=False)
    with reproducible():
        first = conv2d(x, weight.clone().requires_grad_(), None, *settings).grad_fn
        frozen = conv2d(x.clone().requires_grad_(), weight, None, *settings).grad_fn
    assert [t is None for t in first.saved_tensors[:2]] == [False, True]
    assert [t is None for t in frozen.saved_tensors[:2]] == [True, False]
