"""Unshared convolution: every position has a kernel of its own. Transposed.

The axis letters are defined in `ops/geometry.py`.
"""

from collections.abc import Sequence

from jaxtyping import Num
from torch import Tensor

from striate.ops.geometry import Padding, Sizes
from striate.ops.positions import positional_conv_transpose

__all__ = ["unshared_conv_transpose1d", "unshared_conv_transpose2d", "unshared_conv_transpose3d"]


def unshared_conv_transpose1d(
    input: Num[Tensor, "*N K Q"],
    weight: Num[Tensor, "*positions K Cg S"],
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
    """Everything as in `unshared_conv_transpose2d`, over sequences: one spatial axis.

    Source:
        Goodfellow, Bengio and Courville, "Deep Learning", MIT Press 2016, equation 9.9; LeCun, "Generalization and
        network design strategies", 1989.

    Example:
        >>> import torch
        >>> unshared_conv_transpose1d(torch.ones(1, 2), torch.arange(4.0).reshape(2, 1, 1, 2))
        tensor([[0., 3., 3.]])
    """
    size = (output_padding, output_size)
    steps = (stride, padding, dilation)
    return positional_conv_transpose("unshared_conv_transpose1d", 1, input, weight, bias, steps, groups, size, flip)


def unshared_conv_transpose2d(
    input: Num[Tensor, "*N K P Q"],
    weight: Num[Tensor, "*positions K Cg R S"],
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
    """Spread images through kernels of their own: the adjoint of `unshared_conv2d`.

        out[n, c, p·stride + r·dilation, q·stride + s·dilation] += weight[p, q, k, c, r, s] · input[n, k, p, q]

    Args:
        input: What the convolution's output would be, with or without the axis of examples.
        weight: Kernels as the convolution takes them, `(P, Q, K, C / groups, R, S)`.
        bias: One number per output channel, `(C,)`, or per location, `(C, H, W)`.
        stride: Output samples from one position to the next.
        padding: What the convolution adds to its input, and what is therefore cut off here.
        output_padding: Samples to add at the end, as in `conv_transpose2d`.
        groups: Blocks into which the channels are split.
        dilation: Output samples from one tap to the next.
        output_size: Spatial size of the output, instead of `output_padding`.
        flip: Whether the convolution flips its kernels.

    Returns:
        `H = (P - 1) * stride - before - after + dilation * (R - 1) + 1 + output_padding`; with 'same', `P * stride`.

    Raises:
        ShapeError: Kernels, channels, groups, bias or sizes do not fit.
        OptionError: There is no such padding.
        DtypeError: Input, weight and bias are of different dtypes.

    Source:
        Goodfellow, Bengio and Courville, "Deep Learning", MIT Press 2016, equation 9.9; LeCun, "Generalization and
        network design strategies", 1989.

    Example:
        >>> import torch
        >>> unshared_conv_transpose2d(torch.ones(8, 16, 5, 5), torch.ones(5, 5, 16, 3, 4, 4), stride=2).shape
        torch.Size([8, 3, 12, 12])
    """
    size = (output_padding, output_size)
    steps = (stride, padding, dilation)
    return positional_conv_transpose("unshared_conv_transpose2d", 2, input, weight, bias, steps, groups, size, flip)


def unshared_conv_transpose3d(
    input: Num[Tensor, "*N K O P Q"],
    weight: Num[Tensor, "*positions K Cg Z R S"],
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
    """Everything as in `unshared_conv_transpose2d`, over volumes: three spatial axes.

    Source:
        Goodfellow, Bengio and Courville, "Deep Learning", MIT Press 2016, equation 9.9; LeCun, "Generalization and
        network design strategies", 1989.

    Example:
        >>> import torch
        >>> unshared_conv_transpose3d(torch.ones(1, 5, 2, 2, 2), torch.ones(2, 2, 2, 5, 3, 2, 2, 2), stride=2).shape
        torch.Size([1, 3, 4, 4, 4])
    """
    size = (output_padding, output_size)
    steps = (stride, padding, dilation)
    return positional_conv_transpose("unshared_conv_transpose3d", 3, input, weight, bias, steps, groups, size, flip)
