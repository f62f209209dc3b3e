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

    All take the input, and the tensors that `applied` is given beside it.

    Args:
        forward: The output; and what else it returns, which has no gradient.
        gradient: With respect to the input: of the gradient that arrives, the input, what was given beside it, and what
            else `forward` returned.
        by_torch: The output alone; differentiable as often as wanted. It is kept as long as the graph, so it must not
            hold tensors.
    """

    forward: Callable[..., tuple[Tensor, ...]]
    gradient: Callable[..., Tensor]
    by_torch: Callable[..., Tensor]


def applied(operation: Operation, input: Tensor, *beside: Tensor) -> tuple[Tensor, ...]:
    """Give what `forward` gives, differentiable where that is wanted.

    Gradients that are differentiated in their turn, and batches of gradients, are PyTorch's.

    Example:
        >>> double = Operation(lambda x: (x * 2,), lambda gradient, x: gradient * 2, lambda x: x * 2)
        >>> x = torch.ones(2, requires_grad=True)
        >>> torch.autograd.grad(applied(double, x)[0].sum(), x)
        (tensor([2., 2.]),)
    """
    if not (input.requires_grad and torch.is_grad_enabled()):
        return operation.forward(input, *beside)
    return _Applied.apply(input, operation, *beside)  # pyright: ignore[reportReturnType]


class _Applied(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor, operation: Operation, *beside: Tensor) -> tuple[Tensor, ...]:
        ctx.operation, ctx.beside = operation, len(beside)
        ctx.set_materialize_grads(False)  # of switches they would be as many zeros as there are outputs
        output, *others = operation.forward(input, *beside)
        ctx.mark_non_differentiable(*others)
        ctx.save_for_backward(input, *beside, *others)
        return output, *others

    @staticmethod
    def backward(ctx: Any, *arriving: Tensor | None) -> tuple[Tensor | None, ...]:
        gradient, (input, *others) = arriving[0], ctx.saved_tensors
        none = [None] * (1 + ctx.beside)
        if gradient is None:
            return None, *none
        if not torch.is_grad_enabled() and plain(gradient) and unwatched():
            return ctx.operation.gradient(gradient, input, *others), *none
        again = torch.is_grad_enabled()
        with torch.enable_grad():
            source = input if again else input.detach().requires_grad_()
            output = ctx.operation.by_torch(source, *others[: ctx.beside])
        return torch.autograd.grad(output, source, gradient, create_graph=again)[0], *none
