"""An operation of one tensor by the core, differentiable to any order."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from striate.engine.plain import plain, unwatched

__all__ = ["Operation", "applied"]


@dataclass(frozen=True)
class Operation:
    """What the core computes, and the same made of PyTorch's functions.

    Args:
        forward: The output of an input; and what else it returns, which has no gradient.
        gradient: With respect to the input: of the gradient that arrives, the input, and what else `forward` returned.
        by_torch: The output alone; differentiable as often as wanted.
    """

    forward: Callable[[Tensor], tuple[Tensor, ...]]
    gradient: Callable[..., Tensor]
    by_torch: Callable[[Tensor], Tensor]


def applied(operation: Operation, input: Tensor) -> tuple[Tensor, ...]:
    """Give what `forward` gives, differentiable where that is wanted.

    Gradients that are differentiated in their turn, and batches of gradients, are PyTorch's.

    Example:
        >>> double = Operation(lambda x: (x * 2,), lambda gradient, x: gradient * 2, lambda x: x * 2)
        >>> x = torch.ones(2, requires_grad=True)
        >>> torch.autograd.grad(applied(double, x)[0].sum(), x)
        (tensor([2., 2.]),)
    """
    if not (input.requires_grad and torch.is_grad_enabled()):
        return operation.forward(input)
    return _Applied.apply(input, operation)  # pyright: ignore[reportReturnType]


class _Applied(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor, operation: Operation) -> tuple[Tensor, ...]:
        ctx.operation = operation
        output, *others = operation.forward(input)
        ctx.mark_non_differentiable(*others)
        ctx.save_for_backward(input, *others)
        return output, *others

    @staticmethod
    def backward(ctx: Any, *arriving: Tensor) -> tuple[Tensor | None, ...]:
        gradient, (input, *others) = arriving[0], ctx.saved_tensors
        if not torch.is_grad_enabled() and plain(gradient) and unwatched():
            return ctx.operation.gradient(gradient, input, *others), None
        again = torch.is_grad_enabled()
        with torch.enable_grad():
            source = input if again else input.detach().requires_grad_()
            output = ctx.operation.by_torch(source)
        return torch.autograd.grad(output, source, gradient, create_graph=again)[0], None
