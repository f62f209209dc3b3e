"""Ways back through an operation that are not its gradient. Forward all give what the operation gives."""

from collections.abc import Callable
from math import prod
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional as F

from striate.ops.unpool import OVERLAPS, Overlap

__all__ = ["held_divisor", "held_gate", "held_spread", "rectified_both", "rectified_signal", "unpooled"]


class _Rectified(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, output: Tensor) -> Tensor:
        return output.view_as(output)

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> Tensor:
        return signals[0].clamp(min=0)


class _Passed(torch.autograd.Function):
    """The second input's numbers; the signal goes to the first."""

    @staticmethod
    def forward(ctx: Any, source: Tensor, output: Tensor) -> Tensor:
        return output.view_as(output)

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> tuple[Tensor, None]:
        return signals[0], None


def rectified_signal(operation: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Pass the signal's positive part, wherever the input was: the rectification of a deconvnet.

    Example:
        >>> x = torch.tensor([-1.0, 2.0, 3.0], requires_grad=True)
        >>> torch.autograd.grad(rectified_signal(torch.relu, x), x, torch.tensor([1.0, 1.0, -1.0]))
        (tensor([1., 1., 0.]),)
    """
    return _Rectified.apply(_Passed.apply(x, operation(x.detach(), *args, **kwargs)))  # pyright: ignore


def rectified_both(operation: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Pass the signal's positive part by the operation's own gradient: guided backpropagation.

    Example:
        >>> x = torch.tensor([-1.0, 2.0, 3.0], requires_grad=True)
        >>> torch.autograd.grad(rectified_both(torch.relu, x), x, torch.tensor([1.0, 1.0, -1.0]))
        (tensor([0., 1., 0.]),)
    """
    return _Rectified.apply(operation(x, *args, **kwargs))  # pyright: ignore[reportReturnType]


def held_gate(operation: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Take a gate as a constant: nothing goes back through it."""
    return operation(x.detach(), *args, **kwargs)


def held_divisor(operation: Any, x: Tensor, divisor: Tensor, **kwargs: Any) -> Tensor:
    """Take what something is divided by as a constant: the signal is divided by it."""
    return operation(x, divisor.detach(), **kwargs)


def held_spread(operation: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Take the mean and the spread that numbers are normalised by as constants: the signal is scaled as they were."""
    names = [argument.name for argument in operation._schema.arguments]
    defaults = {argument.name: argument.default_value for argument in operation._schema.arguments}
    given = {**defaults, **dict(zip(names[1:], args, strict=False)), **kwargs}
    scale = _SCALES[operation.overloadpacket.__name__](x.detach(), given)
    return operation(x.detach(), *args, **kwargs) + (x - x.detach()) * scale


def _layer_scale(x: Tensor, given: dict[str, Any]) -> Tensor:
    axes = tuple(range(-len(given["normalized_shape"]), 0))
    scale = (x.var(axes, correction=0, keepdim=True) + given["eps"]).rsqrt()
    return scale if given["weight"] is None else scale * given["weight"]


def _group_scale(x: Tensor, given: dict[str, Any]) -> Tensor:
    groups, each = given["num_groups"], (len(x), x.shape[1], *[1] * (x.ndim - 2))
    scale = (x.reshape(len(x), groups, -1).var(2, correction=0) + given["eps"]).rsqrt()
    scale = scale.repeat_interleave(x.shape[1] // groups, 1).view(each)
    return scale if given["weight"] is None else scale * given["weight"].view(1, *each[1:])


def _instance_scale(x: Tensor, given: dict[str, Any]) -> Tensor:
    if given["use_input_stats"]:
        return _group_scale(x, {**given, "num_groups": x.shape[1]})
    scale = (given["running_var"] + given["eps"]).rsqrt() * (1 if given["weight"] is None else given["weight"])
    return scale.view(1, -1, *[1] * (x.ndim - 2))


_SCALES: Final[dict[str, Callable[[Tensor, dict[str, Any]], Tensor]]] = {
    "layer_norm": _layer_scale,
    "group_norm": _group_scale,
    "instance_norm": _instance_scale,
}


def unpooled(overlap: Overlap) -> Callable[..., Any]:
    """Make the rule that puts signals back to where the maxima were.

    Args:
        overlap: What becomes of a sample that several windows name: as in `ops.max_unpool2d`.
    """

    def rule(operation: Any, x: Tensor, kernel_size: Any, *args: Any, **kwargs: Any) -> Any:
        name = operation.overloadpacket.__name__
        found, switches = _POOLS[x.dim() - 2](x.detach(), kernel_size, *args, **kwargs, return_indices=True)
        output = _Unpooled.apply(x, found, switches, overlap)
        return (output, switches) if "indices" in name else output

    return rule


class _Unpooled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, found: Tensor, switches: Tensor, overlap: Overlap) -> Tensor:
        ctx.size, ctx.overlap = x.shape[2:], overlap
        ctx.save_for_backward(switches)
        return found.view_as(found)

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> tuple[Tensor, None, None, None]:
        (switches,) = ctx.saved_tensors
        flat = OVERLAPS[ctx.overlap](signals[0].flatten(2), switches.flatten(2), prod(ctx.size))
        return flat.unflatten(2, ctx.size), None, None, None


_POOLS: Final[dict[int, Callable[..., Any]]] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
