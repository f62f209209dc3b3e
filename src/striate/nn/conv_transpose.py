"""Transposed convolution layers with shared kernels.

They own the parameters; `ops.conv_transpose` does the work.
"""

from striate.nn.convolution import TransposedConvolution
from striate.ops.conv_transpose import conv_transpose1d, conv_transpose2d, conv_transpose3d

__all__ = ["ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]


class ConvTranspose1d(TransposedConvolution):
    """Learned kernels over sequences; see `ConvTranspose2d`.

    Example:
        >>> import torch
        >>> ConvTranspose1d(3, 4, 3, stride=2)(torch.zeros(2, 3, 5)).shape
        torch.Size([2, 4, 11])
    """

    rank, op = 1, conv_transpose1d


class ConvTranspose2d(TransposedConvolution):
    """Learned kernels over images; see `ops.conv_transpose2d`.

    Args:
        in_channels: Channels of the input, `K` of the convolution that is transposed.
        out_channels: Channels of the output, its `C`.
        kernel_size: Taps along each axis.
        stride: Output samples from one position to the next.
        padding: What is cut off on each side: numbers, pairs, 'valid', 'same' or 'full'; see `ops.conv_transpose2d`.
        output_padding: Samples to add at the end.
        groups: Blocks into which the channels are split.
        bias: Whether to learn one offset per output channel; 'location' learns one per location.
        dilation: Output samples from one tap to the next.
        padding_mode: Only 'zeros'.
        device: Where the parameters live.
        dtype: What they are made of.
        input_size: Spatial sizes of the input; needed for a bias per location.
        flip: Whether the convolution flips its kernels.

    Example:
        >>> import torch
        >>> ConvTranspose2d(3, 4, 3, stride=2)(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 4, 17, 17])
    """

    rank, op = 2, conv_transpose2d


class ConvTranspose3d(TransposedConvolution):
    """Learned kernels over volumes; see `ConvTranspose2d`.

    Example:
        >>> import torch
        >>> ConvTranspose3d(3, 4, 3, stride=2)(torch.zeros(2, 3, 5, 5, 5)).shape
        torch.Size([2, 4, 11, 11, 11])
    """

    rank, op = 3, conv_transpose3d
