"""Depthwise-separable convolution: filter each channel by itself, then mix the channels position by position.

The axis letters are defined in `ops/geometry.py`; besides, `M` counts the maps that the first pass makes of a channel.
"""

from jaxtyping import Float
from torch import Tensor

from striate import engine
from striate.errors import ShapeError
from striate.ops.conv import _conv, _fitted
from striate.ops.geometry import KERNEL, Padding, Sizes
from striate.ops.padding import PaddingMode

__all__ = ["depthwise_separable_conv1d", "depthwise_separable_conv2d", "depthwise_separable_conv3d"]


def depthwise_separable_conv1d(
    input: Float[Tensor, "*N C T"],
    depthwise: Float[Tensor, "CM 1 S"],
    pointwise: Float[Tensor, "K CM 1"],
    bias: Float[Tensor, "*Kb"] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    *,
    padding_mode: PaddingMode = "zeros",
) -> Float[Tensor, "*N K Q"]:
    """Filter each channel of a sequence by itself, then mix them; everything as in `depthwise_separable_conv2d`.

    Source:
        Chollet, "Xception: Deep learning with depthwise separable convolutions", CVPR 2017.

    Example:
        >>> import torch
        >>> input = torch.tensor([[0.0, 1.0, 3.0], [0.0, 2.0, 2.0]])
        >>> depthwise_separable_conv1d(input, torch.tensor([[[-1.0, 1.0]]] * 2), torch.tensor([[[1.0], [10.0]]]))
        tensor([[21.,  2.]])
    """
    caller, steps = "depthwise_separable_conv1d", (stride, padding, dilation)
    return _depthwise_separable(caller, 1, input, depthwise, pointwise, bias, steps, padding_mode)


def depthwise_separable_conv2d(
    input: Float[Tensor, "*N C H W"],
    depthwise: Float[Tensor, "CM 1 R S"],
    pointwise: Float[Tensor, "K CM 1 1"],
    bias: Float[Tensor, "*Kb"] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    *,
    padding_mode: PaddingMode = "zeros",
) -> Float[Tensor, "*N K P Q"]:
    """Filter each channel of an image by itself, then mix them position by position.

    It equals the dense convolution with the kernel `Σ_m pointwise[k, c·M + m] · depthwise[c·M + m, r, s]`, with
    `C·M·(R·S + K)` weights instead of `K·C·R·S`. Nothing comes between the two passes: networks that normalise and
    rectify there, such as MobileNet, call `conv2d` twice.

    Args:
        input: Input, with or without the axis of examples.
        depthwise: Kernels of the first pass, `M` for each channel: `(C·M, 1, R, S)`.
        pointwise: Kernels of the second, `(K, C·M, 1, 1)`.
        bias: One number per output channel, `(K,)`, or per location, `(K, P, Q)`.
        stride: Of the first pass, and so are the next two; see `conv2d`.
        padding: See `conv2d`.
        dilation: See `conv2d`.
        padding_mode: See `conv2d`.

    Returns:
        `P = (H + before + after - dilation * (R - 1) - 1) // stride + 1`; `Q` likewise.

    Raises:
        ShapeError: Channels, kernels, bias or sizes do not fit.
        OptionError: There is no such padding.
        DtypeError: Input and kernels are of different dtypes.

    Source:
        Sifre, "Rigid-motion scattering for image classification", PhD thesis, École Polytechnique 2014; Howard et al.,
        "MobileNets: Efficient convolutional neural networks for mobile vision applications", arXiv 1704.04861, section
        3.1; Chollet, "Xception: Deep learning with depthwise separable convolutions", CVPR 2017.

    Example:
        >>> import torch
        >>> input, depthwise, pointwise = torch.zeros(1, 32, 8, 8), torch.zeros(32, 1, 3, 3), torch.zeros(64, 32, 1, 1)
        >>> depthwise_separable_conv2d(input, depthwise, pointwise, stride=2, padding="same").shape
        torch.Size([1, 64, 4, 4])
    """
    caller, steps = "depthwise_separable_conv2d", (stride, padding, dilation)
    return _depthwise_separable(caller, 2, input, depthwise, pointwise, bias, steps, padding_mode)


def depthwise_separable_conv3d(
    input: Float[Tensor, "*N C D H W"],
    depthwise: Float[Tensor, "CM 1 Z R S"],
    pointwise: Float[Tensor, "K CM 1 1 1"],
    bias: Float[Tensor, "*Kb"] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    *,
    padding_mode: PaddingMode = "zeros",
) -> Float[Tensor, "*N K O P Q"]:
    """Filter each channel of a volume by itself, then mix them; everything as in `depthwise_separable_conv2d`.

    Source:
        Chollet, "Xception: Deep learning with depthwise separable convolutions", CVPR 2017.

    Example:
        >>> import torch
        >>> depthwise, pointwise = torch.zeros(6, 1, 3, 3, 3), torch.zeros(5, 6, 1, 1, 1)
        >>> depthwise_separable_conv3d(torch.zeros(2, 4, 4, 4), depthwise, pointwise, padding=1).shape
        torch.Size([5, 4, 4, 4])
    """
    caller, steps = "depthwise_separable_conv3d", (stride, padding, dilation)
    return _depthwise_separable(caller, 3, input, depthwise, pointwise, bias, steps, padding_mode)


def _depthwise_separable(
    caller: str,
    rank: int,
    input: Tensor,
    depthwise: Tensor,
    pointwise: Tensor,
    bias: Tensor | None,
    steps: tuple[Sizes, Padding, Sizes],
    padding_mode: str,
) -> Tensor:
    channels = input.shape[-rank - 1] if input.ndim > rank else 0
    maps, ones = depthwise.shape[0] if depthwise.ndim else 0, (1,) * rank
    fits = depthwise.ndim == rank + 2 and depthwise.shape[1] == 1 and channels > 0 and maps % channels == 0
    if not fits or pointwise.ndim != rank + 2 or tuple(pointwise.shape[1:]) != (maps, *ones):
        raise ShapeError(
            f"{caller}: the kernels do not fit the input, or each other.",
            f"Pass depthwise as (C·M, 1, {KERNEL[rank].replace(' ', ', ')}) and pointwise as "
            f"(K, C·M, {', '.join(map(str, ones))}).",
            input=tuple(input.shape),
            depthwise=tuple(depthwise.shape),
            pointwise=tuple(pointwise.shape),
        )
    if rank == 2 and input.ndim == 4 and padding_mode == "zeros" and depthwise.dtype == input.dtype:
        steps_of, sides, dilation = _fitted(caller, rank, input, depthwise, None, (*steps, channels, padding_mode))
        around = (*sides[0], *sides[1])
        fused = engine.depthwise_separable(input, depthwise, pointwise, bias, steps_of, around, dilation)
        if fused is not None:
            return fused
    between = _conv(caller, rank, input, depthwise, None, steps, channels, padding_mode, flip=False)
    return _conv(caller, rank, between, pointwise, bias, (1, 0, 1), 1, "zeros", flip=False)
