"""Tiled convolution: kernels take turns, with a period of t positions along each axis.

The axis letters are defined in `ops/geometry.py`.
"""

from jaxtyping import Num
from torch import Tensor

from striate.ops.geometry import Padding, Sizes
from striate.ops.padding import PaddingMode
from striate.ops.positions import positional_conv

__all__ = ["tiled_conv1d", "tiled_conv2d", "tiled_conv3d"]


def tiled_conv1d(
    input: Num[Tensor, "*N C T"],
    weight: Num[Tensor, "*tiles K Cg S"],
    bias: Num[Tensor, "*Kb"] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    flip: bool = False,
) -> Num[Tensor, "*N K Q"]:
    """Everything as in `tiled_conv2d`, over sequences: one spatial axis.

    Source:
        Le et al., "Tiled convolutional neural networks", NIPS 2010; Goodfellow, Bengio and Courville, "Deep
        Learning", MIT Press 2016, equation 9.10.

    Example:
        >>> import torch
        >>> tiled_conv1d(torch.ones(1, 5), torch.tensor([1.0, 10.0]).reshape(2, 1, 1, 1))
        tensor([[ 1., 10.,  1., 10.,  1.]])
    """
    steps = (stride, padding, dilation)
    return positional_conv("tiled_conv1d", 1, input, weight, bias, steps, groups, padding_mode, flip)


def tiled_conv2d(
    input: Num[Tensor, "*N C H W"],
    weight: Num[Tensor, "*tiles K Cg R S"],
    bias: Num[Tensor, "*Kb"] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    flip: bool = False,
) -> Num[Tensor, "*N K P Q"]:
    """Slide kernels that take turns: position (p, q) uses kernel (p mod t, q mod t).

        out[n, k, p, q] = Σ_{c, r, s} weight[p mod t, q mod t, k, c, r, s] · input[n, c, p·stride + r·dilation, ...]

    Neighbours have kernels of their own, as in an unshared convolution, at the memory of t x t kernels. With t = 1 it
    is shared convolution; with t at least the number of positions, unshared. Followed by pooling over t x t positions
    (`tile_max_pool2d`), a network can learn to which transformations it will not mind.

    Args:
        input: Input, with or without the axis of examples.
        weight: Kernels `(*tiles, K, C / groups, R, S)`; `tiles` are the turns along each axis.
        bias: One number per output channel, `(K,)`, per tile, `(K, *tiles)`, or per location, `(K, P, Q)`.
        stride: Input samples from one position to the next.
        padding: Input samples added on each side, as in `conv2d`.
        dilation: Input samples from one tap to the next.
        groups: Blocks into which the channels are split.
        padding_mode: What the added samples are, as in `conv2d`. All but zeros take a padded copy of the input.
        flip: Whether to flip the kernels.

    Returns:
        `P = (H + before + after - dilation * (R - 1) - 1) // stride + 1`; `Q` likewise.

    Raises:
        ShapeError: Channels, groups, bias or sizes do not fit.
        OptionError: There is no such padding.
        DtypeError: Input, weight and bias are of different dtypes.

    Source:
        Le et al., "Tiled convolutional neural networks", NIPS 2010; Goodfellow, Bengio and Courville, "Deep
        Learning", MIT Press 2016, equation 9.10.

    Example:
        >>> import torch
        >>> tiled_conv2d(torch.ones(8, 3, 24, 24), torch.ones(2, 2, 16, 3, 3, 3), padding="same").shape
        torch.Size([8, 16, 24, 24])
    """
    steps = (stride, padding, dilation)
    return positional_conv("tiled_conv2d", 2, input, weight, bias, steps, groups, padding_mode, flip)


def tiled_conv3d(
    input: Num[Tensor, "*N C D H W"],
    weight: Num[Tensor, "*tiles K Cg Z R S"],
    bias: Num[Tensor, "*Kb"] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    flip: bool = False,
) -> Num[Tensor, "*N K O P Q"]:
    """Everything as in `tiled_conv2d`, over volumes: three spatial axes.

    Source:
        Le et al., "Tiled convolutional neural networks", NIPS 2010; Goodfellow, Bengio and Courville, "Deep
        Learning", MIT Press 2016, equation 9.10.

    Example:
        >>> import torch
        >>> tiled_conv3d(torch.ones(1, 2, 4, 4, 4), torch.ones(2, 2, 2, 5, 2, 2, 2, 2)).shape
        torch.Size([1, 5, 3, 3, 3])
    """
    steps = (stride, padding, dilation)
    return positional_conv("tiled_conv3d", 3, input, weight, bias, steps, groups, padding_mode, flip)
