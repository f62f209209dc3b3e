"""Locally connected layers, transposed.

They own the parameters; `ops.unshared_transpose` does the work.
"""

from striate.errors import OptionError
from striate.nn.convolution import TransposedConvolution
from striate.ops.unshared_transpose import (
    unshared_conv_transpose1d,
    unshared_conv_transpose2d,
    unshared_conv_transpose3d,
)

__all__ = ["UnsharedConvTranspose1d", "UnsharedConvTranspose2d", "UnsharedConvTranspose3d"]


class _UnsharedTranspose(TransposedConvolution):
    own_bias = "location"

    def _tile(self) -> None:
        if self.input_size is None:
            raise OptionError(
                f"{type(self).__name__}: there is a kernel for every position, and nothing says how many there are.",
                f"Give input_size, the {self.rank} spatial sizes of the input.",
            )
        self.tiles = self.input_size


class UnsharedConvTranspose1d(_UnsharedTranspose):
    """A learned kernel for every position over sequences; see `UnsharedConvTranspose2d`.

    Example:
        >>> import torch
        >>> UnsharedConvTranspose1d(3, 4, 3, stride=2, input_size=(5,))(torch.zeros(2, 3, 5)).shape
        torch.Size([2, 4, 11])
    """

    rank, op = 1, unshared_conv_transpose1d


class UnsharedConvTranspose2d(_UnsharedTranspose):
    """A learned kernel for every position over images; see `ops.unshared_conv_transpose2d`.

    Args:
        in_channels: Channels of the input, `K` of the convolution that is transposed.
        out_channels: Channels of the output, its `C`.
        kernel_size: Taps along each axis.
        stride: Output samples from one position to the next.
        padding: What is cut off on each side: numbers, pairs, 'valid', 'same' or 'full'; see `ops.conv_transpose2d`.
        output_padding: Samples to add at the end.
        groups: Blocks into which the channels are split.
        bias: Whether to learn one offset per location; 'channel' learns one per output channel.
        dilation: Output samples from one tap to the next.
        padding_mode: Only 'zeros'.
        device: Where the parameters live.
        dtype: What they are made of.
        input_size: Spatial sizes of the input; needed, because there is a kernel for every position.
        flip: Whether the convolution flips its kernels.

    Example:
        >>> import torch
        >>> UnsharedConvTranspose2d(3, 4, 3, stride=2, input_size=(8, 8))(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 4, 17, 17])
    """

    rank, op = 2, unshared_conv_transpose2d


class UnsharedConvTranspose3d(_UnsharedTranspose):
    """A learned kernel for every position over volumes; see `UnsharedConvTranspose2d`.

    Example:
        >>> import torch
        >>> UnsharedConvTranspose3d(3, 4, 3, stride=2, input_size=(5, 5, 5))(torch.zeros(2, 3, 5, 5, 5)).shape
        torch.Size([2, 4, 11, 11, 11])
    """

    rank, op = 3, unshared_conv_transpose3d
