"""Convolution layers with shared kernels.

They own the parameters; `ops.conv` does the work.
"""

from striate.nn.convolution import Convolution
from striate.ops.conv import conv1d, conv2d, conv3d

__all__ = ["Conv1d", "Conv2d", "Conv3d"]


class Conv1d(Convolution):
    """Learned kernels over sequences; see `Conv2d`.

    Example:
        >>> import torch
        >>> Conv1d(3, 4, 3)(torch.zeros(2, 3, 5)).shape
        torch.Size([2, 4, 3])
    """

    rank, op = 1, conv1d


class Conv2d(Convolution):
    """Learned kernels over images; see `ops.conv2d`.

    Args:
        in_channels: Channels of the input, `C`.
        out_channels: Channels of the output, `K`.
        kernel_size: Taps along each axis.
        stride: Input samples from one position to the next.
        padding: Input samples added on each side: numbers, pairs, 'valid', 'same' or 'full'; see `ops.conv2d`.
        dilation: Input samples from one tap to the next.
        groups: Blocks into which the channels are split.
        bias: Whether to learn one offset per output channel; 'location' learns one per location.
        padding_mode: What the added samples are: 'zeros', 'reflect', 'replicate' or 'circular'.
        device: Where the parameters live.
        dtype: What they are made of.
        input_size: Spatial sizes of the input; needed for a bias per location.
        flip: Whether to flip the kernels: true convolution.

    Example:
        >>> import torch
        >>> Conv2d(3, 4, 3)(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 4, 6, 6])
    """

    rank, op = 2, conv2d


class Conv3d(Convolution):
    """Learned kernels over volumes; see `Conv2d`.

    Example:
        >>> import torch
        >>> Conv3d(3, 4, 3)(torch.zeros(2, 3, 5, 5, 5)).shape
        torch.Size([2, 4, 3, 3, 3])
    """

    rank, op = 3, conv3d
