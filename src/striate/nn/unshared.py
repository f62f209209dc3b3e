"""Locally connected layers: unshared convolution.

They own the parameters; `ops.unshared` does the work.
"""

from torch import Tensor

from striate.errors import OptionError
from striate.nn.convolution import Convolution
from striate.nn.fan_in import samples_seen
from striate.ops.unshared import unshared_conv1d, unshared_conv2d, unshared_conv3d

__all__ = ["UnsharedConv1d", "UnsharedConv2d", "UnsharedConv3d"]


class _Unshared(Convolution):
    own_bias = "location"

    def _tile(self) -> None:
        if self.input_size is None:
            raise OptionError(
                f"{type(self).__name__}: there is a kernel for every position, and nothing says how many there are.",
                f"Give input_size, the {self.rank} spatial sizes of the input.",
            )
        self.tiles = self.output_positions()

    def fan_in(self) -> Tensor | float:
        """Count the inputs of a unit: at the border, taps on padded zeros connect it with nothing."""
        if self.padding_mode != "zeros":
            return super().fan_in()
        return samples_seen(self.window, self.input_size or ()) * (self.in_channels // self.groups)


class UnsharedConv1d(_Unshared):
    """A learned kernel for every position over sequences; see `UnsharedConv2d`.

    Example:
        >>> import torch
        >>> UnsharedConv1d(3, 4, 3, input_size=(5,))(torch.zeros(2, 3, 5)).shape
        torch.Size([2, 4, 3])
    """

    rank, op = 1, unshared_conv1d


class UnsharedConv2d(_Unshared):
    """A learned kernel for every position over images; see `ops.unshared_conv2d`.

    Args:
        in_channels: Channels of the input, `C`.
        out_channels: Channels of the output, `K`.
        kernel_size: Taps along each axis.
        stride: Input samples from one position to the next.
        padding: Input samples added on each side: numbers, pairs, 'valid', 'same' or 'full'; see `ops.conv2d`.
        dilation: Input samples from one tap to the next.
        groups: Blocks into which the channels are split.
        bias: Whether to learn one offset per location; 'channel' learns one per output channel.
        padding_mode: What the added samples are: 'zeros', 'reflect', 'replicate' or 'circular'.
        device: Where the parameters live.
        dtype: What they are made of.
        input_size: Spatial sizes of the input; needed, because there is a kernel for every position.
        flip: Whether to flip the kernels: true convolution.

    Example:
        >>> import torch
        >>> UnsharedConv2d(3, 4, 3, input_size=(8, 8))(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 4, 6, 6])
    """

    rank, op = 2, unshared_conv2d


class UnsharedConv3d(_Unshared):
    """A learned kernel for every position over volumes; see `UnsharedConv2d`.

    Example:
        >>> import torch
        >>> UnsharedConv3d(3, 4, 3, input_size=(5, 5, 5))(torch.zeros(2, 3, 5, 5, 5)).shape
        torch.Size([2, 4, 3, 3, 3])
    """

    rank, op = 3, unshared_conv3d
