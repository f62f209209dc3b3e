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
from striate.engine.differentiate import convolved
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
    forward mode, modes and tracers get PyTorch's own convolution. Results lie in memory as PyTorch's do: channels last,
    if the input or the weight does.

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
    if not (
        plain(input)
        and plain(weight)
        and (bias is None or plain(bias))
        and unwatched()
        and not torch.is_autocast_enabled("cpu")
    ):
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
    if call is None:
        return by_torch.convolve(input, weight, bias, stride, padding, dilation, groups)
    return convolved(call, input, weight, bias)


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
