"""Transposed convolution with shared kernels: the exact adjoint of convolution.

The axis letters are those of the convolution that is transposed (`ops/geometry.py`): the input here has its output's
positions `P Q` and its `K` channels, the output has its input's size `H W` and its `C` channels.
"""

from collections.abc import Sequence
from typing import cast

from jaxtyping import Num
from torch import Tensor
from torch.nn import functional as F

from striate import engine
from striate.ops.geometry import Padding, Sizes, Window
from striate.ops.operands import add_bias, check_bias, check_input, check_weight, chosen_size, lowered

__all__ = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "spread"]


def conv_transpose1d(
    input: Num[Tensor, "*N K Q"],
    weight: Num[Tensor, "K Cg S"],
    bias: Num[Tensor, "*Cb"] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
    *,
    output_size: Sequence[int] | None = None,
    flip: bool = False,
) -> Num[Tensor, "*N C T"]:
    """Spread sequences through kernels; everything as in `conv_transpose2d`, with one spatial axis.

    Source:
        Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv 1603.07285, section 4.

    Example:
        >>> import torch
        >>> conv_transpose1d(torch.tensor([[1.0, 10.0]]), torch.tensor([[[1.0, 2.0, 3.0]]]), stride=2)
        tensor([[ 1.,  2., 13., 20., 30.]])
    """
    steps = (stride, padding, dilation)
    return _conv_transpose("conv_transpose1d", 1, input, weight, bias, steps, groups, output_padding, output_size, flip)


def conv_transpose2d(
    input: Num[Tensor, "*N K P Q"],
    weight: Num[Tensor, "K Cg R S"],
    bias: Num[Tensor, "*Cb"] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
    *,
    output_size: Sequence[int] | None = None,
    flip: bool = False,
) -> Num[Tensor, "*N C H W"]:
    """Spread images through kernels: the adjoint of `conv2d` with the same weight, stride, padding and dilation.

        out[n, c, p·stride + r·dilation, q·stride + s·dilation] += weight[k, c, r, s] · input[n, k, p, q]

    For every x and y of fitting sizes, `(conv2d(x, w) * y).sum() == (x * conv_transpose2d(y, w)).sum()`.

    Args:
        input: What a convolution's output would be, with or without the axis of examples.
        weight: Kernels as the convolution takes them; `Cg` is `C / groups`.
        bias: One number per output channel, `(C,)`, or per location, `(C, H, W)`.
        stride: Output samples from one position to the next.
        padding: What the convolution adds to its input, and what is therefore cut off here: see `conv2d`.
        output_padding: Samples to add at the end of each axis: a strided convolution gives several sizes of input
            as many positions, and the smallest is taken otherwise.
        groups: Blocks into which the channels are split.
        dilation: Output samples from one tap to the next.
        output_size: Spatial size of the output, instead of `output_padding`; a full shape will do.
        flip: Whether the convolution flips its kernel.

    Returns:
        `H = (P - 1) * stride - before - after + dilation * (R - 1) + 1 + output_padding`; with 'same', `P * stride`.

    Raises:
        ShapeError: Channels, groups, bias or sizes do not fit.
        OptionError: There is no such padding.
        DtypeError: Input and weight are of different dtypes.

    Source:
        Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv 1603.07285, section 4.

    Example:
        >>> import torch
        >>> conv_transpose2d(torch.zeros(1, 8, 5, 5), torch.zeros(8, 3, 3, 3), stride=2, padding=1).shape
        torch.Size([1, 3, 9, 9])
        >>> conv_transpose2d(torch.zeros(1, 8, 5, 5), torch.zeros(8, 3, 3, 3), None, 2, 1, output_size=(10, 9)).shape
        torch.Size([1, 3, 10, 9])
    """
    steps = (stride, padding, dilation)
    return _conv_transpose("conv_transpose2d", 2, input, weight, bias, steps, groups, output_padding, output_size, flip)


def conv_transpose3d(
    input: Num[Tensor, "*N K O P Q"],
    weight: Num[Tensor, "K Cg Z R S"],
    bias: Num[Tensor, "*Cb"] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
    *,
    output_size: Sequence[int] | None = None,
    flip: bool = False,
) -> Num[Tensor, "*N C D H W"]:
    """Spread volumes through kernels; everything as in `conv_transpose2d`, with three spatial axes.

    Source:
        Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv 1603.07285, section 4.

    Example:
        >>> import torch
        >>> conv_transpose3d(torch.zeros(1, 4, 3, 3, 3), torch.zeros(4, 2, 2, 2, 2), stride=2).shape
        torch.Size([1, 2, 6, 6, 6])
    """
    steps = (stride, padding, dilation)
    return _conv_transpose("conv_transpose3d", 3, input, weight, bias, steps, groups, output_padding, output_size, flip)


def _conv_transpose(
    caller: str,
    rank: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    steps: tuple[Sizes, Padding, Sizes],
    groups: int,
    output_padding: Sizes,
    output_size: Sequence[int] | None,
    flip: bool,
) -> Tensor:
    input, weight, bias = cast("tuple[Tensor, Tensor, Tensor | None]", lowered(input, weight, bias))
    check_weight(caller, rank, weight, groups)
    check_input(caller, rank, input, weight, channels=weight.shape[0], letter="K")
    stride, padding, dilation = steps
    window = Window.of(caller, rank, kernel_size=weight.shape[2:], stride=stride, padding=padding, dilation=dilation)
    size = chosen_size(caller, window, input.shape[-rank:], output_padding=output_padding, output_size=output_size)
    check_bias(caller, bias, weight.shape[1] * groups, size, dtype=weight.dtype)
    weight = weight.flip(tuple(range(2, 2 + rank))) if flip else weight
    shared = bias if bias is None or bias.ndim == 1 else None
    output = spread(input, weight, shared, window, size, groups)
    return output if shared is bias else add_bias(output, bias, rank)


def spread(
    input: Tensor, weight: Tensor, bias: Tensor | None, window: Window, size: Sequence[int], groups: int
) -> Tensor:
    """Write every product to its place, in an output of the given spatial size."""
    rank = window.rank
    fits = window.positions(size) == tuple(input.shape[-rank:])  # not where a dilation lets the output be larger
    if rank == 2 and fits and input.numel() and engine.takes(input, weight):
        output = _by_engine(input, weight, window, size, groups)
        if output is not None:
            return add_bias(output, bias, rank)
    positions = input.shape[-rank:]
    before = [side[0] for side in window.sides(size)]
    # Samples that the taps reach past the end of the output; negative where the output goes on without any.
    past = [
        (p - 1) * s + e - b - n
        for p, s, e, b, n in zip(positions, window.stride, window.extent, before, size, strict=True)
    ]
    steps = [max(s, d) for s, d in zip(window.stride, window.dilation, strict=True)]
    convolve = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}[rank]
    if all(0 <= b - o < step for b, o, step in zip(before, past, steps, strict=True)):
        more = [b - o for b, o in zip(before, past, strict=True)]
        return convolve(input, weight, bias, window.stride, before, more, groups, window.dilation)
    # PyTorch cuts as much off the end as off the beginning: where that does not fit, the rest is cut or added here.
    both = [max(0, min(b, o)) for b, o in zip(before, past, strict=True)]
    output = convolve(input, weight, None, window.stride, both, 0, groups, window.dilation)
    for axis, (b, n, cut, o) in enumerate(zip(before, size, both, past, strict=True), start=output.ndim - rank):
        first = min(b - cut, output.shape[axis])
        output = output.narrow(axis, first, min(max(0, n + min(0, o)), output.shape[axis] - first))
    missing = [n - have for n, have in zip(size, output.shape[-rank:], strict=True)]
    return add_bias(F.pad(output, [n for more in reversed(missing) for n in (0, more)]), bias, rank)


def _by_engine(input: Tensor, weight: Tensor, window: Window, size: Sequence[int], groups: int) -> Tensor | None:
    """Spread as the gradient of the convolution that is transposed; None where PyTorch is to do it."""
    if input.ndim == 3:
        output = _by_engine(input[None], weight, window, size, groups)
        return None if output is None else output[0]
    whole = (input.shape[0], weight.shape[1] * groups, *size)
    settings = (window.stride, tuple(n for side in window.sides(size) for n in side), window.dilation, groups)
    if not engine.spreads(input, weight, whole, *settings):
        return None
    return engine.conv2d_input_gradient(input, weight, whole, *settings)
