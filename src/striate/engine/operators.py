"""Convolution and its gradients as operators of PyTorch's, which `torch.compile` and `torch.export` see through.

Their settings are written out: `stride` and `dilation` down and across, `padding` above, below, left and right. They
plan when they run, not when they are traced. The gradients of each are the two others, to any order.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from striate.engine import by_torch
from striate.engine.calls import call_for
from striate.engine.convolve import Call
from striate.engine.differentiate import rectified
from striate.engine.plain import lies_last, plain
from striate.engine.problem import DTYPES

_Settings: TypeAlias = tuple[Sequence[int], Sequence[int], Sequence[int], int]

__all__ = ["conv2d", "conv2d_finished", "conv2d_input_gradient", "conv2d_weight_gradient"]


@torch.library.custom_op("striate::conv2d", mutates_args=())
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    """Convolve `(N, C, H, W)` with `(K, C/groups, R, S)`."""
    settings = (stride, padding, dilation, groups)
    last = lies_last(input, weight)
    call = _call(input.shape, weight.shape, settings, (input, weight, bias), last=last)
    if call is None:
        output = by_torch.convolve(input, weight, bias, stride, padding, dilation, groups)
    else:
        output = call.forward(input, weight, bias)
    return _laid_out(output, last=last)


@conv2d.register_fake
def _(input: Tensor, weight: Tensor, bias: Tensor | None, *settings: Any) -> Tensor:
    stride, (top, bottom, left, right), dilation, _ = settings
    down, across = (
        (size + around - step * (taps - 1) - 1) // by + 1
        for size, around, step, taps, by in zip(
            input.shape[2:], (top + bottom, left + right), dilation, weight.shape[2:], stride, strict=True
        )
    )
    shape = (input.shape[0], weight.shape[0], down, across)
    return _laid_out(input.new_empty(shape), last=lies_last(input, weight))


@conv2d.register_vmap
def _(info: Any, axes: Sequence[int | None], *given: Any) -> tuple[Tensor, int]:
    # Within a compiled function; outside of one, the door has left it to PyTorch already.
    return _each(info.batch_size, axes, given), 0


@torch.library.custom_op("striate::conv2d_finished", mutates_args=())
def conv2d_finished(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    residual: Tensor | None,
    relu: bool,
) -> Tensor:
    """Convolve, add `(N, K, P, Q)`, and rectify."""
    settings = (stride, padding, dilation, groups)
    last = lies_last(input, weight)
    more = {"residual": None if residual is None else residual.shape, "relu": relu}
    call = _call(input.shape, weight.shape, settings, (input, weight, bias, residual), last=last, **more)
    if call is None:
        output = by_torch.finish(by_torch.convolve(input, weight, bias, *settings), residual, relu)
    else:
        output = call.forward(input, weight, bias, residual)
    return _laid_out(output, last=last)


@conv2d_finished.register_fake
def _(input: Tensor, weight: Tensor, bias: Tensor | None, *settings: Any) -> Tensor:
    return conv2d(input, weight, bias, *settings[:4])


@conv2d_finished.register_vmap
def _(info: Any, axes: Sequence[int | None], *given: Any) -> tuple[Tensor, int]:
    *plain, residual, relu = given
    outputs = _each(info.batch_size, axes, plain)
    if residual is not None:
        outputs = outputs + (residual if axes[7] is None else residual.movedim(axes[7], 0))
    return F.relu(outputs) if relu else outputs, 0


@torch.library.custom_op("striate::conv2d_input_gradient", mutates_args=())
def conv2d_input_gradient(
    gradient: Tensor,
    weight: Tensor,
    input_size: Sequence[int],
    channels_last: bool,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    """Take `(N, K, P, Q)` back through the kernels, to an input of `input_size`."""
    settings = (stride, padding, dilation, groups)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    input = torch.empty(tuple(input_size), dtype=gradient.dtype, device=gradient.device, memory_format=layout)
    call = _call(input.shape, weight.shape, settings, (gradient, weight), last=channels_last)
    found, _ = _found(call, gradient, input, weight, settings, (True, False))
    return _laid_out(input if found is None else found, last=channels_last)


@conv2d_input_gradient.register_fake
def _(gradient: Tensor, weight: Tensor, input_size: Sequence[int], channels_last: bool, *settings: Any) -> Tensor:
    return _laid_out(gradient.new_empty(tuple(input_size)), last=channels_last)


@torch.library.custom_op("striate::conv2d_weight_gradient", mutates_args=())
def conv2d_weight_gradient(
    gradient: Tensor,
    input: Tensor,
    weight: Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    """Correlate `(N, C, H, W)` with `(N, K, P, Q)`, into what lies in memory as the weight does, which is not read."""
    settings = (stride, padding, dilation, groups)
    call = _call(input.shape, weight.shape, settings, (gradient, input), last=lies_last(input, weight))
    _, found = _found(call, gradient, input, weight, settings, (False, True))
    result = torch.empty_like(weight)
    if found is None or found.stride() == result.stride():
        return result if found is None else found
    return result.copy_(found)


@conv2d_weight_gradient.register_fake
def _(gradient: Tensor, input: Tensor, weight: Tensor, *settings: Any) -> Tensor:
    return torch.empty_like(weight)


def _each(count: int, axes: Sequence[int | None], given: Sequence[Any]) -> Tensor:
    def one(i: int) -> Tensor:
        tensors = (t if axis is None else t.select(axis, i) for t, axis in zip(given[:3], axes[:3], strict=True))
        return conv2d(*tensors, *given[3:])

    return torch.stack([one(i) for i in range(count)])


def _call(
    input: Sequence[int],
    weight: Sequence[int],
    settings: _Settings,
    tensors: Sequence[Tensor | None],
    *,
    last: bool,
    **more: Any,
) -> Call | None:
    dtype = next(tensor.dtype for tensor in tensors if tensor is not None)
    if dtype not in DTYPES or not all(tensor is None or plain(tensor, dtype) for tensor in tensors):
        return None
    bias = tensors[2] if len(tensors) > 2 else None
    stride, padding, dilation, groups = settings
    written = (tuple(stride), tuple(padding), tuple(dilation), groups)
    lying = {"channels_last": last, "dtype": dtype}
    return call_for(input, weight, written, bias=None if bias is None else bias.shape, **lying, **more)


def _found(
    call: Call | None, gradient: Tensor, input: Tensor, weight: Tensor, settings: _Settings, wanted: tuple[bool, bool]
) -> tuple[Tensor | None, Tensor | None]:
    if call is None:
        return by_torch.gradients(gradient, input, weight, *settings, wanted)
    return call.gradients(gradient, input, weight, wanted)


def _laid_out(tensor: Tensor, *, last: bool) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    input, weight, bias, *ctx.settings = inputs
    ctx.has_bias = bias is not None
    ctx.save_for_backward(input, weight)


def _gradients(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
    input, weight, *_ = ctx.saved_tensors
    of_bias = gradient.sum((0, 2, 3)) if ctx.has_bias and ctx.needs_input_grad[2] else None
    return _to_input(ctx, 0, gradient, weight, input), _to_weight(ctx, 1, gradient, input, weight), of_bias, *[None] * 4


def _save_finished(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    input, weight, bias, *ctx.settings, residual, relu = inputs
    ctx.has_bias, ctx.has_residual = bias is not None, residual is not None
    ctx.save_for_backward(input, weight, output if relu else None)


def _finished_gradients(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
    *_, output = ctx.saved_tensors
    gradient = gradient if output is None else rectified(gradient, output)
    return *_gradients(ctx, gradient), gradient if ctx.has_residual and ctx.needs_input_grad[7] else None, None


def _save_for_input(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    gradient, weight, _, _, *ctx.settings = inputs
    ctx.save_for_backward(gradient, weight)


def _input_gradients(ctx: Any, input: Tensor) -> tuple[Any, ...]:
    gradient, weight = ctx.saved_tensors
    return _again(ctx, input, weight), _to_weight(ctx, 1, gradient, input, weight), *[None] * 6


def _save_for_weight(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    gradient, input, _, *ctx.settings = inputs
    ctx.save_for_backward(gradient, input)


def _weight_gradients(ctx: Any, weight: Tensor) -> tuple[Any, ...]:
    gradient, input = ctx.saved_tensors
    return _again(ctx, input, weight), _to_input(ctx, 1, gradient, weight, input), *[None] * 5


def _again(ctx: Any, input: Tensor, weight: Tensor) -> Tensor | None:
    return conv2d(input, weight, None, *ctx.settings) if ctx.needs_input_grad[0] else None


def _to_input(ctx: Any, which: int, gradient: Tensor, weight: Tensor, input: Tensor) -> Tensor | None:
    if not ctx.needs_input_grad[which]:
        return None
    return conv2d_input_gradient(gradient, weight, input.shape, lies_last(input, weight), *ctx.settings)


def _to_weight(ctx: Any, which: int, gradient: Tensor, input: Tensor, weight: Tensor) -> Tensor | None:
    if not ctx.needs_input_grad[which]:
        return None
    return conv2d_weight_gradient(gradient, input, weight.detach(), *ctx.settings)


conv2d.register_autograd(_gradients, setup_context=_save)
conv2d_finished.register_autograd(_finished_gradients, setup_context=_save_finished)
conv2d_input_gradient.register_autograd(_input_gradients, setup_context=_save_for_input)
conv2d_weight_gradient.register_autograd(_weight_gradients, setup_context=_save_for_weight)
