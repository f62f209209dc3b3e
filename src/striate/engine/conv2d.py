"""Convolution in two dimensions and its gradients: the door of the engine.

plain floats of 32 or 64 bits  -->  a call, prepared once for these sizes  -->  the planned algorithms, either way
anything else                  -->  PyTorch's own
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from jaxtyping import Float, Num
from torch import Tensor

from striate.engine import by_torch, operators
from striate.engine.calls import call_for, keep, known, pair, sides
from striate.engine.choice import TORCH
from striate.engine.differentiate import convolved, input_gradient, weight_gradient
from striate.engine.narrow import is_narrow, wide
from striate.engine.plain import lies_last, plain, unwatched
from striate.engine.problem import DTYPES

__all__ = ["conv2d", "conv2d_input_gradient", "conv2d_weight_gradient", "spreads", "takes"]


def conv2d(
    input: Num[Tensor, "*N C H W"],
    weight: Num[Tensor, "K Cg R S"],
    bias: Num[Tensor, " K"] | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    residual: Num[Tensor, "*N K P Q"] | None = None,
    relu: bool = False,
) -> Num[Tensor, "*N K P Q"]:
    """Convolve as `torch.nn.functional.conv2d` does, by the algorithm that is planned for these sizes; differentiable.

    Tensors that are not 32-bit or 64-bit floats in the processor's memory, subclasses, autocast, `torch.func`,
    differentiation in forward mode, modes and tracers get PyTorch's own convolution; bfloat16 and float16 are summed in
    32 bits where the processor has no instructions for them. Results lie in memory as PyTorch's do: channels last, if
    the input or the weight does.

    Args:
        input: With or without the axis of examples.
        weight: Kernels; `Cg` is `C / groups`. Packed once, and again when it changes: see `packed`.
        bias: One number per output channel.
        stride: A number, or one each down and across.
        padding: Likewise; or 'same' or 'valid'; or one for each side: above, below, left, right, negative ones cut.
        dilation: Like the stride.
        groups: Blocks into which the channels are split.
        residual: An image of the output's size that is added, before a sum is stored.
        relu: Whether negative sums become 0, after that.

    Raises:
        ShapeError: Sizes do not fit together.
        OptionError: Settings are no numbers; or the algorithm that is forced (see `use`) cannot compute this.

    Example:
        >>> conv2d(torch.zeros(1, 3, 32, 32), torch.zeros(8, 3, 3, 3), padding=(1, 1, 0, 0)).shape
        torch.Size([1, 8, 32, 30])
    """
    tensors, settings = (input, weight, bias, residual), (stride, padding, dilation, groups)
    if not torch.compiler.is_compiling():
        found = known(tensors, (*settings, relu))
        if found is not None:
            return convolved(found, *tensors)
    if not takes(*tensors):
        if is_narrow(input, weight, bias, residual):
            return _in_32_bits(input, weight, bias, residual, settings, relu=relu)
        return by_torch.finish(by_torch.convolve(input, weight, bias, *settings), residual, relu)
    if input.dim() == 3:
        added = None if residual is None else residual.unsqueeze(0)
        return conv2d(input.unsqueeze(0), weight, bias, *settings, residual=added, relu=relu).squeeze(0)
    if torch.compiler.is_compiling():
        written = (pair("stride", stride), sides(padding, weight.shape, dilation), pair("dilation", dilation), groups)
        if residual is None and not relu:
            return operators.conv2d(input, weight, bias, *written)
        return operators.conv2d_finished(input, weight, bias, *written, residual, relu)
    call = call_for(
        input.shape,
        weight.shape,
        settings,
        bias=None if bias is None else bias.shape,
        residual=None if residual is None else residual.shape,
        relu=relu,
        channels_last=lies_last(input, weight),
        packed_anew=weight.requires_grad and torch.is_grad_enabled(),
        dtype=input.dtype,
    )
    if call is None:
        return by_torch.finish(by_torch.convolve(input, weight, bias, *settings), residual, relu)
    keep(call, tensors, (*settings, relu))
    return convolved(call, *tensors)


def _in_32_bits(
    input: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor | None, settings: Any, *, relu: bool
) -> Tensor:
    more = [None if tensor is None else tensor.float() for tensor in (bias, residual)]
    with torch.autocast("cpu", enabled=False):
        output = conv2d(input.float(), wide(weight), more[0], *settings, residual=more[1], relu=relu)
    return output.to(input.dtype)


def conv2d_input_gradient(
    gradient: Float[Tensor, "N K P Q"],
    weight: Float[Tensor, "K Cg R S"],
    input_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Float[Tensor, "N C H W"]:
    """Take a gradient back to the input: also what a transposed convolution computes. Differentiable.

    Args:
        gradient: Of a loss with respect to the convolution's output; the core must take it: see `takes`.
        weight: Kernels; likewise.
        input_size: `N C H W`.
        stride: Down and across.
        padding: Above, below, left, right.
        dilation: Down and across.
        groups: Blocks of channels.

    Raises:
        ShapeError: Sizes do not fit together.
        OptionError: The algorithm that is forced cannot compute this.

    Example:
        >>> ones = torch.ones(1, 1, 2, 2)
        >>> conv2d_input_gradient(ones, ones, (1, 1, 3, 3), (1, 1), (0, 0, 0, 0), (1, 1), 1)[0, 0]
        tensor([[1., 2., 1.],
                [2., 4., 2.],
                [1., 2., 1.]])
    """
    settings, last = (stride, padding, dilation, groups), lies_last(gradient, weight)
    if torch.compiler.is_compiling():
        return operators.conv2d_input_gradient(gradient, weight, input_size, last, *settings)
    call = call_for(torch.Size(input_size), weight.shape, settings, channels_last=last, dtype=weight.dtype)
    if call is None or call.torch_alone():
        layout = torch.channels_last if last else torch.contiguous_format
        input = torch.empty(tuple(input_size), dtype=weight.dtype, device="cpu", memory_format=layout)
        found, _ = by_torch.gradients(gradient, input, weight, *settings, (True, False))
        return cast("Tensor", found)
    return input_gradient(call, gradient, weight)


def spreads(
    input: Float[Tensor, "N K P Q"],
    weight: Float[Tensor, "K Cg R S"],
    output_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> bool:
    """Tell whether a transposed convolution is `conv2d_input_gradient`'s, or better left to PyTorch's function of it.

    That one computes the same as PyTorch's gradient, and often in less time; but what is recorded there has no part in
    the engine's gradients.

    Example:
        >>> x, weight = torch.ones(1, 64, 56, 56), torch.ones(64, 64, 3, 3)
        >>> spreads(x, weight, (1, 64, 56, 56), (1, 1), (1, 1, 1, 1), (1, 1), 1)
        True
    """
    if torch.compiler.is_compiling():
        return True
    settings = (stride, padding, dilation, groups)
    last = lies_last(input, weight)
    call = call_for(torch.Size(output_size), weight.shape, settings, channels_last=last, dtype=weight.dtype)
    recorded = torch.is_grad_enabled() and (input.requires_grad or weight.requires_grad)
    if call is None or call.torch_alone(of_weight=recorded):  # what nobody asks for may have been declined
        return False
    return recorded or call.plan("input gradient").algorithm != TORCH


def conv2d_weight_gradient(
    gradient: Float[Tensor, "N K P Q"],
    input: Float[Tensor, "N C H W"],
    weight_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Float[Tensor, "K Cg R S"]:
    """Correlate the input with a gradient: the gradient with respect to the weight. Differentiable.

    Args:
        gradient: As in `conv2d_input_gradient`, and so are the others.
        input: What was convolved.
        weight_size: `K C/groups R S`.
        stride: See there.
        padding: See there.
        dilation: See there.
        groups: See there.

    Raises:
        ShapeError: Sizes do not fit together.
        OptionError: The algorithm that is forced cannot compute this.

    Example:
        >>> x, ones = torch.arange(9.0).reshape(1, 1, 3, 3), torch.ones(1, 1, 2, 2)
        >>> conv2d_weight_gradient(ones, x, (1, 1, 2, 2), (1, 1), (0, 0, 0, 0), (1, 1), 1)[0, 0]
        tensor([[ 8., 12.],
                [20., 24.]])
    """
    settings, weight = (stride, padding, dilation, groups), input.new_empty(tuple(weight_size))
    if torch.compiler.is_compiling():
        return operators.conv2d_weight_gradient(gradient, input, weight, *settings)
    last = lies_last(input, weight)
    call = call_for(input.shape, weight.shape, settings, channels_last=last, dtype=input.dtype)
    if call is None or call.torch_alone():
        _, found = by_torch.gradients(gradient, input, weight, *settings, (False, True))
        return cast("Tensor", found)
    return weight_gradient(call, gradient, input, weight)


def takes(tensor: Tensor, *others: Tensor | None) -> bool:
    """Tell whether the core can convolve these, here and now: all of one dtype that it has; None is no tensor.

    Example:
        >>> takes(torch.zeros(3)), takes(torch.zeros(3), torch.zeros(3).half())
        (True, False)
    """
    dtype = tensor.dtype
    if dtype not in DTYPES or torch.is_autocast_enabled("cpu"):
        return False
    if torch.compiler.is_compiling():
        return all(t is None or (t.dtype is dtype and t.is_cpu) for t in (tensor, *others))
    for one in (tensor, *others):  # not `all(...)`, which takes longer than the rest
        if one is not None and not plain(one, dtype):
            return False
    return unwatched()
