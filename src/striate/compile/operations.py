"""What each operation of a graph means, written in PyTorch: the truth that fast ways are held against.

Shapes are PyTorch's, `N C H W`, however the core lays them out in memory. Where a convolution, a linear layer, an
addition or a scale has the option `activation`, it is None or a tuple: one of `ACTIVATIONS` and its parameters.

To add an operation: a function here and a line in `OPERATIONS`; whoever runs graphs runs it from then on, and the core
as soon as its own table has a line for it.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from striate.compile.torch_operator import call

__all__ = ["ACTIVATIONS", "OPERATIONS", "Activation", "Pair", "activate"]

Activation: TypeAlias = tuple[Any, ...] | None
"""None, or a name in `ACTIVATIONS` and the parameters of that function."""

Pair: TypeAlias = tuple[int, int]
"""Down and across."""

ACTIVATIONS: Final[dict[str, Callable[..., Tensor]]] = {
    "relu": F.relu,
    "clip": lambda x, least, most: torch.clamp(x, least, most),  # ReLU6 is clip(0, 6); None is no bound
    "leaky_relu": lambda x, slope: F.leaky_relu(x, slope),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "silu": F.silu,
    "gelu": lambda x, approximate: F.gelu(x, approximate=approximate),  # 'none' or 'tanh'
    "hardswish": F.hardswish,
    "hardsigmoid": F.hardsigmoid,
    "elu": lambda x, alpha: F.elu(x, alpha),
}


def activate(x: Tensor, activation: Activation) -> Tensor:
    """Apply an activation to every number.

    Args:
        x: Of any shape.
        activation: None leaves them as they are.

    Example:
        >>> activate(torch.tensor([-1.0, 8.0]), ("clip", 0.0, 6.0))
        tensor([0., 6.])
    """
    return x if activation is None else ACTIVATIONS[activation[0]](x, *activation[1:])


def _conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    residual: Tensor | None,
    *,
    stride: Pair,
    padding: tuple[Pair, Pair],
    dilation: Pair,
    groups: int,
    activation: Activation = None,
) -> Tensor:
    """activation(conv + bias + residual); the residual has the shape of what is returned."""
    (top, bottom), (left, right) = padding
    if top != bottom or left != right:
        x, top, left = F.pad(x, (left, right, top, bottom)), 0, 0
    y = F.conv2d(x, weight, bias, stride, (top, left), dilation, groups)
    return activate(y if residual is None else y + residual, activation)


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None, *, activation: Activation = None) -> Tensor:
    return activate(F.linear(x, weight, bias), activation)


def _add(a: Tensor, b: Tensor, *, activation: Activation = None) -> Tensor:
    return activate(a + b, activation)


def _mul(a: Tensor, b: Tensor) -> Tensor:
    return a * b


def _activation(x: Tensor, *, activation: Activation) -> Tensor:
    return activate(x, activation)


def _scale(x: Tensor, factor: Tensor, shift: Tensor, *, activation: Activation = None) -> Tensor:
    """One factor and one shift a channel."""
    across = (-1, *[1] * (x.ndim - 2))
    return activate(x * factor.view(across) + shift.view(across), activation)


def _max_pool(
    x: Tensor, *, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool = False
) -> Tensor:
    return F.max_pool2d(x, kernel_size, stride, padding, dilation, ceil_mode)


def _avg_pool(
    x: Tensor,
    *,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    return F.avg_pool2d(x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _adaptive_avg_pool(x: Tensor, *, output_size: Pair) -> Tensor:
    """With output_size (1, 1) the mean over height and width, whose axes stay."""
    return F.adaptive_avg_pool2d(x, output_size)


def _response_norm(x: Tensor, *, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """As PyTorch has it: the window reaches size // 2 down and (size - 1) // 2 up, and alpha is divided by size."""
    return F.local_response_norm(x, size, alpha, beta, k)


def _concat(*xs: Tensor, dim: int) -> Tensor:
    return torch.cat(xs, dim)


def _flatten(x: Tensor, *, start_dim: int) -> Tensor:
    return x.flatten(start_dim)


def _softmax(x: Tensor, *, dim: int) -> Tensor:
    return x.softmax(dim)


def _channels(x: Tensor, *, start: int, stop: int) -> Tensor:
    """Channels from `start` to before `stop`."""
    return x[:, start:stop]


def _shuffle(x: Tensor, *, groups: int) -> Tensor:
    """The first channel of each group, then the second of each."""
    return x.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)


def _upsample(x: Tensor, *, scale: Pair) -> Tensor:
    """Every sample becomes a block of `scale` equal ones."""
    down, across = scale
    return x.repeat_interleave(down, 2).repeat_interleave(across, 3)


def _pad(x: Tensor, *, padding: tuple[Pair, Pair]) -> Tensor:
    """Zeros above and below, left and right."""
    (top, bottom), (left, right) = padding
    return F.pad(x, (left, right, top, bottom))


OPERATIONS: Final[dict[str, Callable[..., Any]]] = {
    "conv": _conv,
    "linear": _linear,
    "add": _add,
    "mul": _mul,
    "activation": _activation,
    "scale": _scale,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "adaptive_avg_pool": _adaptive_avg_pool,
    "response_norm": _response_norm,
    "concat": _concat,
    "flatten": _flatten,
    "softmax": _softmax,
    "channels": _channels,
    "shuffle": _shuffle,
    "upsample": _upsample,
    "pad": _pad,
    "torch": call,  # any other operator: it stays PyTorch's
}
