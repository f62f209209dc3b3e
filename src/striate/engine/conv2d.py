"""Convolution in two dimensions: the door of the engine.

plain 32-bit floats  -->  a call, prepared once for these sizes  -->  the planned algorithms, forward and backward
anything else        -->  PyTorch's own
"""

from typing import Any

import torch
from jaxtyping import Num
from torch import Tensor

from striate.engine import by_torch, operators
from striate.engine.calls import call_for, pair, sides
from striate.engine.plain import lies_last, plain, unwatched

__all__ = ["conv2d"]


def conv2d(
    input: Num[Tensor, "*N C H W"],
    weight: Num[Tensor, "K Cg R S"],
    bias: Num[Tensor, " K"] | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Num[Tensor, "*N K P Q"]:
    """Convolve as `torch.nn.functional.conv2d` does, by the algorithm that is planned for these sizes; differentiable.

    Tensors that are not 32-bit floats in the processor's memory, subclasses, autocast, `torch.func`, differentiation in
    forward mode, modes and tracers get PyTorch's own convolution, and so does a gradient's gradient. Results lie in
    memory as PyTorch's do: channels last, if the input or the weight does.

    Args:
        input: With or without the axis of examples.
        weight: Kernels; `Cg` is `C / groups`. Packed once, and again when it changes: see `packed`.
        bias: One number per output channel.
        stride: A number, or one each down and across.
        padding: Likewise; or 'same' or 'valid'; or one for each side: above, below, left, right, negative ones cut.
        dilation: Like the stride.
        groups: Blocks into which the channels are split.

    Raises:
        ShapeError: Sizes do not fit together.
        OptionError: Settings are no numbers; or the algorithm that is forced (see `use`) cannot compute this.

    Example:
        >>> conv2d(torch.zeros(1, 3, 32, 32), torch.zeros(8, 3, 3, 3), padding=(1, 1, 0, 0)).shape
        torch.Size([1, 8, 32, 30])
    """
    if torch.compiler.is_compiling():
        return _traced(input, weight, bias, stride, padding, dilation, groups)
    if not (plain(input) and plain(weight) and (bias is None or plain(bias)) and unwatched()):
        return by_torch.convolve(input, weight, bias, stride, padding, dilation, groups)
    if input.dim() == 3:
        return conv2d(input.unsqueeze(0), weight, bias, stride, padding, dilation, groups).squeeze(0)
    call = call_for(
        input.shape,
        weight.shape,
        (stride, padding, dilation, groups),
        bias=bias is not None,
        channels_last=lies_last(input, weight),
    )
    differentiated = torch.is_grad_enabled() and (
        input.requires_grad or weight.requires_grad or (bias is not None and bias.requires_grad)
    )
    if call is None or (differentiated and call.torch_alone):
        return by_torch.convolve(input, weight, bias, stride, padding, dilation, groups)
    if differentiated:
        return _Convolution.apply(input, weight, bias, call)  # pyright: ignore[reportReturnType]
    return call.forward(input, weight, bias)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, bias: Tensor | None, call: Any) -> Tensor:
        ctx.call = call
        # What a gradient is not computed from is not kept: only its sizes matter.
        ctx.save_for_backward(input if ctx.needs_input_grad[1] else None, weight)
        return call.forward(input, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        input, weight = ctx.saved_tensors
        if input is None:
            input = gradient.new_empty(ctx.call.problem.input)
        wanted = ctx.needs_input_grad[:2]
        by = ctx.call.differentiable_gradients if torch.is_grad_enabled() else ctx.call.gradients
        of_input, of_weight = by(gradient, input, weight, wanted) if any(wanted) else (None, None)
        of_bias = gradient.sum((0, 2, 3)) if ctx.needs_input_grad[2] else None
        return of_input, of_weight, of_bias, None


def _traced(
    input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:
    tensors = [input, weight, *([] if bias is None else [bias])]
    if torch.is_autocast_enabled("cpu") or any(t.dtype is not torch.float32 or not t.is_cpu for t in tensors):
        return by_torch.convolve(input, weight, bias, stride, padding, dilation, groups)
    if input.dim() == 3:
        return _traced(input.unsqueeze(0), weight, bias, stride, padding, dilation, groups).squeeze(0)
    around = sides(padding, weight.shape, dilation)
    return operators.conv2d(input, weight, bias, pair("stride", stride), around, pair("dilation", dilation), groups)
