"""Layers of average pooling.

They hold the settings; `ops.avg_pool` does the work.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor, nn

from striate.ops.avg_pool import avg_pool1d, avg_pool2d, avg_pool3d, check_divisor
from striate.ops.geometry import Padding, Sizes
from striate.ops.pooling import pool_window

__all__ = ["AvgPool1d", "AvgPool2d", "AvgPool3d"]

# What a layer shows of its settings only if it is not this.
DEFAULTS: dict[str, Any] = {
    "stride": None,
    "padding": 0,
    "ceil_mode": False,
    "count_include_pad": True,
    "divisor_override": None,
}


class _AvgPool(nn.Module):
    rank: ClassVar[int]
    op: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Padding = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        pool_window(type(self).__name__, self.rank, kernel_size, stride, padding)
        check_divisor(type(self).__name__, divisor_override)
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.ceil_mode, self.count_include_pad, self.divisor_override = ceil_mode, count_include_pad, divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """Pool `input`."""
        steps = (self.kernel_size, self.stride, self.padding, self.ceil_mode)
        return type(self).op(input, *steps, self.count_include_pad, self.divisor_override)

    def extra_repr(self) -> str:
        """Show the settings in the printed network."""
        shown = [f"{name}={getattr(self, name)!r}" for name, value in DEFAULTS.items() if getattr(self, name) != value]
        return ", ".join([f"kernel_size={self.kernel_size}", *shown])


class AvgPool1d(_AvgPool):
    """The mean of each window over sequences; see `ops.avg_pool1d`.

    Example:
        >>> import torch
        >>> AvgPool1d(2)(torch.zeros(2, 3, 8)).shape
        torch.Size([2, 3, 4])
    """

    rank, op = 1, avg_pool1d


class AvgPool2d(_AvgPool):
    """The mean of each window over images; see `ops.avg_pool2d`.

    Args:
        kernel_size: Size of the window.
        stride: Input samples from one window to the next; None lays them side by side.
        padding: Input samples added on each side: numbers, pairs, 'valid', 'same' or 'full'.
        ceil_mode: Whether a last, partial window counts.
        count_include_pad: Whether padded zeros count.
        divisor_override: What the sums are divided by, instead of the samples counted.

    Example:
        >>> import torch
        >>> AvgPool2d(2)(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 3, 4, 4])
    """

    rank, op = 2, avg_pool2d


class AvgPool3d(_AvgPool):
    """The mean of each window over volumes; see `ops.avg_pool3d`.

    Example:
        >>> import torch
        >>> AvgPool3d(2)(torch.zeros(2, 3, 8, 8, 8)).shape
        torch.Size([2, 3, 4, 4, 4])
    """

    rank, op = 3, avg_pool3d
