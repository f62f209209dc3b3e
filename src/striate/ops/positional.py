"""The operators behind unshared and tiled convolution: three products of three tensors, each other's gradients.

Input, kernels and output take part in one sum, `Σ input · weight · output`, which is linear in each. Whoever holds two
of them gets the gradient for the third: convolution gives the output's, transposed convolution the input's, and the
kernel gradient the kernels'. So the gradients of each operator are the two others, to any order.

PyTorch drops the tangents of forward-mode differentiation at a registered operator, without a word: the slope would be
zero. So the operators are called by `bilinear`, which carries the tangents past them.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from striate.engine import unshared
from striate.engine.choice import chosen, reproducible
from striate.engine.unshared import Geometry
from striate.errors import OptionError
from striate.ops import blocks

__all__ = ["bilinear", "tiled_conv", "tiled_conv_kernel_gradient", "tiled_conv_transpose"]


def _geometry(size: Sequence[int], weight: Sequence[int], settings: Sequence[Any]) -> Geometry:
    stride, before, after, dilation, groups, flip = settings
    rank = len(stride)
    return Geometry(
        size=tuple(size[-rank:]),
        kernel=tuple(weight[rank + 2 :]),
        tiles=tuple(weight[:rank]),
        stride=tuple(stride),
        before=tuple(before),
        after=tuple(after),
        dilation=tuple(dilation),
        groups=groups,
        flip=flip,
    )


def _way(first: Tensor, second: Tensor, kernels: Sequence[int], geometry: Geometry) -> Any:
    """Give who computes with two of the three: the core, or PyTorch's functions block by block."""
    return blocks if unshared.refuses(first, second, kernels, geometry) else unshared


def bilinear(operator: Callable[..., Tensor], first: Tensor, second: Tensor, *settings: Any) -> Tensor:
    """Call an operator that is linear in two tensors, and give its slope along their tangents, if they have any.

    Raises:
        OptionError: Both kinds of differentiation are asked for at once, which PyTorch's operators do not allow.

    Example:
        >>> bilinear(torch.mul, torch.tensor(3.0), torch.tensor(5.0))
        tensor(15.)
    """
    if forward_ad._current_level < 0:
        return operator(first, second, *settings)
    (x, dx), (y, dy) = forward_ad.unpack_dual(first), forward_ad.unpack_dual(second)
    slopes = [operator(dx, y, *settings)] if dx is not None else []
    slopes += [operator(x, dy, *settings)] if dy is not None else []
    if not slopes:
        return operator(first, second, *settings)
    if torch.is_grad_enabled() and (x.requires_grad or y.requires_grad):
        raise OptionError(
            "unshared and tiled convolution: forward and reverse mode cannot be mixed.",
            "For the slope alone, call within torch.no_grad(); for second derivatives use reverse mode twice.",
            input_requires_grad=x.requires_grad,
            other_requires_grad=y.requires_grad,
        )
    return forward_ad.make_dual(operator(x, y, *settings), sum(slopes[1:], slopes[0]))


def _conjugate(x: Tensor) -> Tensor:
    return torch.conj_physical(x) if x.is_complex() else x


@torch.library.custom_op("striate::tiled_conv", mutates_args=())
def tiled_conv(
    input: Tensor,
    weight: Tensor,
    stride: Sequence[int],
    before: Sequence[int],
    after: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    flip: bool,
) -> Tensor:
    """Convolve `(N, C, *size)` with kernels `(*tiles, K, C / groups, *kernel)`, into `(N, K, *positions)`."""
    g = _geometry(input.shape, weight.shape, (stride, before, after, dilation, groups, flip))
    return _way(input, weight, weight.shape, g).forward(input, weight, g)


@tiled_conv.register_fake
def _(input: Tensor, weight: Tensor, *settings: Any) -> Tensor:
    g = _geometry(input.shape, weight.shape, settings)
    return input.new_empty(input.shape[0], weight.shape[g.rank], *g.positions)


@torch.library.custom_op("striate::tiled_conv_transpose", mutates_args=())
def tiled_conv_transpose(
    input: Tensor,
    weight: Tensor,
    output_size: Sequence[int],
    stride: Sequence[int],
    before: Sequence[int],
    after: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    flip: bool,
) -> Tensor:
    """Spread `(N, K, *positions)` through kernels that take turns, into `(N, C, *output_size)`: the adjoint."""
    g = _geometry(output_size, weight.shape, (stride, before, after, dilation, groups, flip))
    return _way(input, weight, weight.shape, g).input_gradient(input, weight, g)


@tiled_conv_transpose.register_fake
def _(input: Tensor, weight: Tensor, output_size: Sequence[int], *settings: Any) -> Tensor:
    g = _geometry(output_size, weight.shape, settings)
    return input.new_empty(input.shape[0], weight.shape[g.rank + 1] * g.groups, *g.size)


@torch.library.custom_op("striate::tiled_conv_kernel_gradient", mutates_args=())
def tiled_conv_kernel_gradient(
    input: Tensor,
    output: Tensor,
    weight_size: Sequence[int],
    stride: Sequence[int],
    before: Sequence[int],
    after: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    flip: bool,
) -> Tensor:
    """Correlate `(N, C, *size)` with `(N, K, *positions)` into kernels of `weight_size`."""
    g = _geometry(input.shape, weight_size, (stride, before, after, dilation, groups, flip))
    return _way(input, output, weight_size, g).kernel_gradient(input, output, weight_size, g)


@tiled_conv_kernel_gradient.register_fake
def _(input: Tensor, output: Tensor, weight_size: Sequence[int], *settings: Any) -> Tensor:
    return input.new_empty(tuple(weight_size))


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    first, second, *ctx.rest = inputs
    # What is asked of a result is asked of its gradients, wherever these are computed.
    ctx.asked = nullcontext if torch.compiler.is_compiling() or chosen().torch else reproducible
    ctx.save_for_backward(first, second)


def _tiled_conv_gradients(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    input, weight = ctx.saved_tensors
    wanted, settings = ctx.needs_input_grad, ctx.rest
    size = input.shape[2:]
    with ctx.asked():
        return (
            bilinear(tiled_conv_transpose, gradient, _conjugate(weight), size, *settings) if wanted[0] else None,
            bilinear(tiled_conv_kernel_gradient, _conjugate(input), gradient, weight.shape, *settings)
            if wanted[1]
            else None,
            *(None for _ in settings),
        )


def _tiled_conv_transpose_gradients(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    input, weight = ctx.saved_tensors
    wanted, (_size, *settings) = ctx.needs_input_grad, ctx.rest
    with ctx.asked():
        return (
            bilinear(tiled_conv, gradient, _conjugate(weight), *settings) if wanted[0] else None,
            bilinear(tiled_conv_kernel_gradient, gradient, _conjugate(input), weight.shape, *settings)
            if wanted[1]
            else None,
            *(None for _ in ctx.rest),
        )


def _tiled_conv_kernel_gradient_gradients(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    input, output = ctx.saved_tensors
    wanted, (_size, *settings), size = ctx.needs_input_grad, ctx.rest, input.shape[2:]
    with ctx.asked():
        return (
            bilinear(tiled_conv_transpose, _conjugate(output), gradient, size, *settings) if wanted[0] else None,
            bilinear(tiled_conv, _conjugate(input), gradient, *settings) if wanted[1] else None,
            *(None for _ in ctx.rest),
        )


tiled_conv.register_autograd(_tiled_conv_gradients, setup_context=_save)
tiled_conv_transpose.register_autograd(_tiled_conv_transpose_gradients, setup_context=_save)
tiled_conv_kernel_gradient.register_autograd(_tiled_conv_kernel_gradient_gradients, setup_context=_save)
