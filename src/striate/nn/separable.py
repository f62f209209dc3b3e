"""Layers of spatially separable kernels: one pass along each axis.

They own the factors; `ops.separable` does the work.
"""

from abc import ABC
from collections.abc import Callable
from math import prod
from typing import Any, ClassVar, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate.errors import OptionError
from striate.nn.convolution import TransposedConvolution, shown
from striate.nn.fan_in import fan_in_, share_fan_in_
from striate.ops.geometry import Padding, Sizes, Window, each
from striate.ops.operands import check_groups
from striate.ops.padding import PaddingMode, check_mode
from striate.ops.separable import composed_kernel, separable_conv2d, separable_conv3d
from striate.ops.separate import Separated, separate

__all__ = ["SeparableConv2d", "SeparableConv3d"]

Layer = TypeVar("Layer", bound="_SeparableConv")


class _SeparableConv(nn.Module, ABC):
    """Factors and their bias, from settings that fit together."""

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
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        rank: int = 1,
    ) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        caller = type(self).__name__
        check_groups(caller, groups, in_channels=in_channels, out_channels=out_channels)
        check_mode(caller, padding_mode)
        window = Window.of(
            caller, self.axes, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation
        )
        (self.rank,) = each(caller, "rank", rank, 1)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.dilation = window.kernel_size, window.stride, window.dilation
        self.padding, self.padding_mode = padding, padding_mode
        shapes = [
            (*heads, *(n if i == axis else 1 for i in range(self.axes)))
            for axis, (heads, n) in enumerate(zip(self._heads(), window.kernel_size, strict=True))
        ]
        self.factors = nn.ParameterList([torch.empty(shape, device=device, dtype=dtype) for shape in shapes])
        offsets = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.register_parameter("bias", offsets)
        self.reset_parameters()

    @classmethod
    def from_conv(
        cls: type[Layer], conv: nn.Module, rank: int | None = None, tolerance: float | None = None
    ) -> tuple[Layer, Separated]:
        """Make the layer that comes near a trained convolution, PyTorch's or ours, and say how near.

        Args:
            conv: A layer with shared kernels, for as many axes.
            rank: Terms of the sum, for each group. Either this,
            tolerance: or the largest error of the kernel allowed; see `ops.separate`.

        Returns:
            The layer, which takes the same input, and the report of `ops.separate`.

        Raises:
            OptionError: The layer is no such convolution; or see `ops.separate`.
        """
        weight = getattr(conv, "weight", None)
        transposed = isinstance(conv, TransposedConvolution) or getattr(conv, "transposed", False)
        if transposed or not isinstance(weight, Tensor) or weight.ndim != cls.axes + 2:
            raise OptionError(
                f"{cls.__name__}.from_conv: the layer is no convolution with shared kernels over {cls.axes} axes.",
                f"Pass a Conv{cls.axes}d.",
                layer=type(conv).__name__,
                weight=tuple(weight.shape) if isinstance(weight, Tensor) else None,
            )
        settings = {name: getattr(conv, name) for name in ("stride", "padding", "dilation", "groups", "padding_mode")}
        kernel = weight.flip(tuple(range(2, weight.ndim))) if getattr(conv, "flip", False) else weight
        separated = separate(kernel, rank, tolerance, groups=conv.groups)  # pyright: ignore[reportArgumentType]
        sizes = weight.shape[1] * separated.groups, weight.shape[0], tuple(weight.shape[2:])
        # On no device: nothing is drawn, and nobody else's random numbers change.
        layer = cls(*sizes, **settings, device="meta", rank=separated.rank)
        layer.factors = nn.ParameterList([factor.clone() for factor in separated.factors])
        bias = getattr(conv, "bias", None)
        layer.bias = None if bias is None else nn.Parameter(bias.detach().clone())
        return layer.train(conv.training), separated

    def reset_parameters(self) -> None:
        """Draw new factors, for which the composed kernel varies as a dense layer's does."""
        share_fan_in_(self.factors, [heads[1] * n for heads, n in zip(self._heads(), self.kernel_size, strict=True)])
        if self.bias is not None:
            fan_in_(self.bias, self.in_channels // self.groups * prod(self.kernel_size))

    def composed(self) -> Float[Tensor, "K Cg *kernel"]:
        """Write out the dense kernel that the factors stand for."""
        return composed_kernel(list(self.factors), self.groups)

    def forward(self, input: Tensor) -> Tensor:
        """Convolve along one axis after the other; see the function of the same name in `ops`."""
        steps = (self.stride, self.padding, self.dilation, self.groups)
        return type(self).op(input, list(self.factors), self.bias, *steps, padding_mode=self.padding_mode)

    def extra_repr(self) -> str:
        """Show the settings in the printed network, as PyTorch's layers do."""
        return ", ".join([*shown(self), f"rank={self.rank}", *["bias=False"] * (self.bias is None)])

    def _heads(self) -> list[tuple[int, int]]:
        """Give the channels out of each pass, and into each of its groups."""
        maps = self.groups * self.rank
        between = [(maps, 1)] * (self.axes - 2)
        return [(maps, self.in_channels // self.groups), *between, (self.out_channels, self.rank)]


class SeparableConv2d(_SeparableConv):
    """Learned kernels over images that are sums of outer products; see `ops.separable_conv2d`.

    Args:
        in_channels: Channels of the input, `C`.
        out_channels: Channels of the output, `K`.
        kernel_size: Taps along each axis.
        stride: Input samples from one position to the next.
        padding: Input samples added on each side: numbers, pairs, 'valid', 'same' or 'full'; see `ops.conv2d`.
        dilation: Input samples from one tap to the next.
        groups: Blocks into which the channels are split.
        bias: Whether to learn one offset per output channel.
        padding_mode: What the added samples are: 'zeros', 'reflect', 'replicate' or 'circular'.
        device: Where the parameters live.
        dtype: What they are made of.
        rank: Terms of the sum, for each group.

    Example:
        >>> import torch
        >>> layer = SeparableConv2d(16, 32, (5, 3), padding="same", rank=8)
        >>> layer
        SeparableConv2d(
          16, 32, kernel_size=(5, 3), stride=(1, 1), padding='same', rank=8
          (factors): ParameterList(
              (0): Parameter containing: [torch.float32 of size 8x16x5x1]
              (1): Parameter containing: [torch.float32 of size 32x8x1x3]
          )
        )
        >>> layer(torch.zeros(2, 16, 8, 8)).shape, layer.composed().shape
        (torch.Size([2, 32, 8, 8]), torch.Size([32, 16, 5, 3]))
        >>> near, report = SeparableConv2d.from_conv(torch.nn.Conv2d(16, 32, 3), tolerance=0.5)
        >>> near(torch.zeros(2, 16, 8, 8)).shape, report.error < 0.5
        (torch.Size([2, 32, 6, 6]), True)
    """

    axes, op = 2, separable_conv2d


class SeparableConv3d(_SeparableConv):
    """Learned kernels over volumes that are sums of outer products; see `SeparableConv2d`.

    Example:
        >>> import torch
        >>> SeparableConv3d(4, 8, 3, rank=2)(torch.zeros(1, 4, 5, 5, 5)).shape
        torch.Size([1, 8, 3, 3, 3])
    """

    axes, op = 3, separable_conv3d
