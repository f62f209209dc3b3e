"""Unshared convolution: every position has a kernel of its own.

The axis letters are defined in `ops/geometry.py`.
"""

from jaxtyping import Num
from torch import Tensor

from striate.ops.geometry import Padding, Sizes
from striate.ops.padding import PaddingMode
from striate.ops.positions import positional_conv

__all__ = ["unshared_conv1d", "unshared_conv2d", "unshared_conv3d"]


def unshared_conv1d(
    input: Num[Tensor, "*N C T"],
    weight: Num[Tensor, "*positions K Cg S"],
    bias: Num[Tensor, "*Kb"] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    flip: bool = False,
) -> Num[Tensor, "*N K Q"]:
    """Everything as in `unshared_conv2d`, over sequences: one spatial axis.

    Source:
        Goodfellow, Bengio and Courville, "Deep Learning", MIT Press 2016, equation 9.9; LeCun, "Generalization and
        network design strategies", 1989.

    Example:
        >>> import torch
        >>> unshared_conv1d(torch.ones(1, 3), torch.tensor([1.0, 10.0, 100.0]).reshape(3, 1, 1, 1))
        tensor([[  1.,  10., 100.]])
    """
    steps = (stride, padding, dilation)
    return positional_conv("unshared_conv1d", 1, input, weight, bias, steps, groups, padding_mode, flip)


def unshared_conv2d(
    input: Num[Tensor, "*N C H W"],
    weight: Num[Tensor, "*positions K Cg R S"],
    bias: Num[Tensor, "*Kb"] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    flip: bool = False,
) -> Num[Tensor, "*N K P Q"]:
    """Connect every position with a kernel of its own: a locally connected layer.

        out[n, k, p, q] = Σ_{c, r, s} weight[p, q, k, c, r, s] · input[n, c, p·stride + r·dilation, ...]

    For features that belong to a place, such as a mouth in the lower half of a face. No unfolded copy of the input is
    made, forward or backward.

    Args:
        input: Input, with or without the axis of examples.
        weight: Kernels, one for every position and output channel, `(P, Q, K, C / groups, R, S)`.
        bias: One number per output channel, `(K,)`, or per location, `(K, P, Q)`.
        stride: Input samples from one position to the next.
        padding: Input samples added on each side, as in `conv2d`.
        dilation: Input samples from one tap to the next.
        groups: Blocks into which the channels are split.
        padding_mode: What the added samples are, as in `conv2d`. All but zeros take a padded copy of the input.
        flip: Whether to flip the kernels.

    Returns:
        `P = (H + before + after - dilation * (R - 1) - 1) // stride + 1`; `Q` likewise.

    Raises:
        ShapeError: There are more or fewer kernels than positions; channels, groups, bias or sizes do not fit.
        OptionError: There is no such padding.
        DtypeError: Input, weight and bias are of different dtypes.

    Source:
        Goodfellow, Bengio and Courville, "Deep Learning", MIT Press 2016, equation 9.9; LeCun, "Generalization and
        network design strategies", 1989.

    Example:
        >>> import torch
        >>> unshared_conv2d(torch.ones(8, 3, 24, 24), torch.ones(22, 22, 16, 3, 3, 3)).shape
        torch.Size([8, 16, 22, 22])
    """
    steps = (stride, padding, dilation)
    return positional_conv("unshared_conv2d", 2, input, weight, bias, steps, groups, padding_mode, flip)


def unshared_conv3d(
    input: Num[Tensor, "*N C D H W"],
    weight: Num[Tensor, "*positions K Cg Z R S"],
    bias: Num[Tensor, "*Kb"] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    flip: bool = False,
) -> Num[Tensor, "*N K O P Q"]:
    """Everything as in `unshared_conv2d`, over volumes: three spatial axes.

    Source:
        Goodfellow, Bengio and Courville, "Deep Learning", MIT Press 2016, equation 9.9; LeCun, "Generalization and
        network design strategies", 1989.

    Example:
        >>> import torch
        >>> unshared_conv3d(torch.ones(1, 2, 4, 4, 4), torch.ones(3, 3, 3, 5, 2, 2, 2, 2)).shape
        torch.Size([1, 5, 3, 3, 3])
    """
    steps = (stride, padding, dilation)
    return positional_conv("unshared_conv3d", 3, input, weight, bias, steps, groups, padding_mode, flip)
