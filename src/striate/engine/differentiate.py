"""Convolution and its gradients, differentiable to any order: each one's gradients are the two others.

Input, weight and output take part in one sum, `Σ input · weight · output`, which is linear in each. Convolution is its
gradient with respect to the output, and the input's and the weight's gradients are the two others.
"""

from typing import Any, TypeAlias

import torch
from torch import Tensor

from striate.engine import by_torch
from striate.engine.convolve import Call
from striate.engine.plain import plain, unwatched
from striate.engine.ways import Ways

__all__ = ["convolved", "gradients", "input_gradient", "rectified", "weight_gradient"]


_Call: TypeAlias = Call | Ways


def convolved(
    call: _Call, input: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor | None = None
) -> Tensor:
    """Convolve plain tensors."""
    if not torch.is_grad_enabled() or not (
        input.requires_grad
        or weight.requires_grad
        or (bias is not None and bias.requires_grad)
        or (residual is not None and residual.requires_grad)
    ):
        return call.forward(input, weight, bias, residual)
    if call.torch_records(of_input=input.requires_grad, of_weight=weight.requires_grad):
        return call.by_torch(input, weight, bias, residual)
    return _Convolution.apply(input, weight, bias, residual, call)  # pyright: ignore[reportReturnType]


def input_gradient(call: _Call, gradient: Tensor, weight: Tensor) -> Tensor:
    """Give the gradient with respect to the input."""
    return _InputGradient.apply(gradient, weight, call)  # pyright: ignore[reportReturnType]


def weight_gradient(call: _Call, gradient: Tensor, input: Tensor, weight: Tensor) -> Tensor:
    """Give the gradient with respect to the weight, which is not read: the result lies in memory as it does."""
    return _WeightGradient.apply(gradient, input, weight.detach(), call)  # pyright: ignore[reportReturnType]


def gradients(
    call: _Call, gradient: Tensor, input: Tensor | None, weight: Tensor | None, wanted: tuple[bool, bool]
) -> tuple[Tensor | None, Tensor | None]:
    """Give both gradients, those that are wanted; what is not read for them may be None.

    Within `create_graph` they are differentiable in their turn. Where somebody else's tensors come in, a batch of
    gradients for example, they are PyTorch's own.
    """
    input = gradient.new_empty(call.problem.input) if input is None else input
    weight = gradient.new_empty(call.problem.weight) if weight is None else weight
    if not (_plain(call, gradient, input, weight) and unwatched()):
        return by_torch.gradients(gradient, input, weight, *call.settings, wanted)
    if not torch.is_grad_enabled():
        return call.gradients(gradient, input, weight, wanted)
    return (
        input_gradient(call, gradient, weight) if wanted[0] else None,
        weight_gradient(call, gradient, input, weight) if wanted[1] else None,
    )


def rectified(gradient: Tensor, output: Tensor) -> Tensor:
    """Take a gradient back through the rectification, by what came out of it."""
    return torch.ops.aten.threshold_backward(gradient, output, 0)


def _plain(call: _Call, *tensors: Tensor) -> bool:
    return all(plain(tensor, call.problem.dtype) for tensor in tensors)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, input: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor | None, call: _Call
    ) -> Tensor:
        ctx.call = call
        of_input, of_weight = ctx.needs_input_grad[:2]
        output = call.forward(input, weight, bias, residual)
        ctx.save_for_backward(
            input if of_weight else None, weight if of_input else None, output if call.rectifies else None
        )
        return output

    @staticmethod
    def backward(ctx: Any, *arriving: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = arriving
        (input, weight, output), needed = ctx.saved_tensors, ctx.needs_input_grad
        if output is not None:
            gradient = rectified(gradient, output)
        found = gradients(ctx.call, gradient, input, weight, needed[:2]) if needed[0] or needed[1] else (None, None)
        return *found, _per_channel(gradient) if needed[2] else None, gradient if needed[3] else None, None


class _InputGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gradient: Tensor, weight: Tensor, call: _Call) -> Tensor | None:
        ctx.call = call
        ctx.save_for_backward(gradient, weight)
        return call.gradients(gradient, gradient.new_empty(call.problem.input), weight, (True, False))[0]

    @staticmethod
    def backward(ctx: Any, *arriving: Tensor) -> tuple[Tensor | None, ...]:
        (input,), (gradient, weight) = arriving, ctx.saved_tensors
        _, of_weight = gradients(ctx.call, gradient, input, weight, (False, ctx.needs_input_grad[1]))
        return _again(ctx, input, weight), of_weight, None


class _WeightGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gradient: Tensor, input: Tensor, weight: Tensor, call: _Call) -> Tensor | None:
        ctx.call = call
        ctx.save_for_backward(gradient, input)
        return call.gradients(gradient, input, weight, (False, True))[1]

    @staticmethod
    def backward(ctx: Any, *arriving: Tensor) -> tuple[Tensor | None, ...]:
        (weight,), (gradient, input) = arriving, ctx.saved_tensors
        of_input, _ = gradients(ctx.call, gradient, input, weight, (ctx.needs_input_grad[1], False))
        return _again(ctx, input, weight), of_input, None, None


def _per_channel(gradient: Tensor) -> Tensor:
    return gradient.sum((0, *range(2, gradient.dim())))


def _again(ctx: Any, input: Tensor, weight: Tensor) -> Tensor | None:
    """Convolve once more, for the gradient of a gradient with respect to what arrived there."""
    if not ctx.needs_input_grad[0]:
        return None
    if _plain(ctx.call, input, weight) and unwatched():
        return convolved(ctx.call.bare, input, weight, None)
    return ctx.call.bare.by_torch(input, weight, None)
