"""Layers that filter each channel by itself, then mix the channels.

They own the parameters; `ops.depthwise_separable` does the work.
"""

from abc import ABC
from collections.abc import Callable
from math import prod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from striate.nn.convolution import shown
from striate.nn.fan_in import fan_in_, share_fan_in_
from striate.ops.depthwise_separable import (
    depthwise_separable_conv1d,
    depthwise_separable_conv2d,
    depthwise_separable_conv3d,
)
from striate.ops.geometry import Padding, Sizes, Window, each
from striate.ops.operands import check_groups
from striate.ops.padding import PaddingMode, check_mode

__all__ = ["DepthwiseSeparableConv1d", "DepthwiseSeparableConv2d", "DepthwiseSeparableConv3d"]


class _DepthwiseSeparableConv(nn.Module, ABC):
    """Both kernels and a bias, from settings that fit together."""

    axes: ClassVar[int]
    op: ClassVar[Callable[..., Tensor]]
    bias: Tensor | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Padding = 0,
        dilation: Sizes = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        depth_multiplier: int = 1,
    ) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        caller, made = type(self).__name__, {"device": device, "dtype": dtype}
        check_groups(caller, 1, in_channels=in_channels, out_channels=out_channels)
        check_mode(caller, padding_mode)
        window = Window.of(
            caller, self.axes, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation
        )
        (self.depth_multiplier,) = each(caller, "depth_multiplier", depth_multiplier, 1)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride, self.dilation = window.kernel_size, window.stride, window.dilation
        self.padding, self.padding_mode = padding, padding_mode
        maps = in_channels * self.depth_multiplier
        self.depthwise = nn.Parameter(torch.empty(maps, 1, *self.kernel_size, **made))
        self.pointwise = nn.Parameter(torch.empty(out_channels, maps, *[1] * self.axes, **made))
        self.register_parameter("bias", nn.Parameter(torch.empty(out_channels, **made)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new kernels, for which the kernel that they compose varies as a dense layer's does."""
        taps = prod(self.kernel_size)
        share_fan_in_([self.depthwise, self.pointwise], [taps, self.pointwise.shape[1]])
        if self.bias is not None:
            fan_in_(self.bias, self.in_channels * taps)

    def forward(self, input: Tensor) -> Tensor:
        """Filter, then mix; see the function of the same name in `ops`."""
        kernels, steps = (self.depthwise, self.pointwise), (self.stride, self.padding, self.dilation)
        return type(self).op(input, *kernels, self.bias, *steps, padding_mode=self.padding_mode)

    def extra_repr(self) -> str:
        """Show the settings in the printed network, as PyTorch's layers do."""
        own = [f"depth_multiplier={self.depth_multiplier}"] * (self.depth_multiplier > 1)
        return ", ".join([*shown(self), *own, *["bias=False"] * (self.bias is None)])


class DepthwiseSeparableConv1d(_DepthwiseSeparableConv):
    """Learned filters and mixtures over sequences; see `DepthwiseSeparableConv2d`.

    Example:
        >>> import torch
        >>> DepthwiseSeparableConv1d(4, 8, 3)(torch.zeros(1, 4, 10)).shape
        torch.Size([1, 8, 8])
    """

    axes, op = 1, depthwise_separable_conv1d


class DepthwiseSeparableConv2d(_DepthwiseSeparableConv):
    """Learned filters for each channel of images, and learned mixtures of these; see `ops.depthwise_separable_conv2d`.

    Args:
        in_channels: Channels of the input, `C`.
        out_channels: Channels of the output, `K`.
        kernel_size: Taps along each axis of the filters.
        stride: Input samples from one position to the next.
        padding: Input samples added on each side: numbers, pairs, 'valid', 'same' or 'full'; see `ops.conv2d`.
        dilation: Input samples from one tap to the next.
        bias: Whether to learn one offset per output channel.
        padding_mode: What the added samples are: 'zeros', 'reflect', 'replicate' or 'circular'.
        device: Where the parameters live.
        dtype: What they are made of.
        depth_multiplier: Filters for each channel, `M`.

    Example:
        >>> import torch
        >>> layer = DepthwiseSeparableConv2d(32, 64, 3, stride=2, padding="same", depth_multiplier=2)
        >>> layer
        DepthwiseSeparableConv2d(32, 64, kernel_size=(3, 3), stride=(2, 2), padding='same', depth_multiplier=2)
        >>> layer(torch.zeros(1, 32, 15, 15)).shape
        torch.Size([1, 64, 8, 8])
    """

    axes, op = 2, depthwise_separable_conv2d


class DepthwiseSeparableConv3d(_DepthwiseSeparableConv):
    """Learned filters and mixtures over volumes; see `DepthwiseSeparableConv2d`.

    Example:
        >>> import torch
        >>> DepthwiseSeparableConv3d(2, 4, 3)(torch.zeros(2, 5, 5, 5)).shape
        torch.Size([4, 3, 3, 3])
    """

    axes, op = 3, depthwise_separable_conv3d
