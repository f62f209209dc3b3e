"""Layers of max pooling.

They hold the settings; `ops.max_pool` does the work.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor, nn

from striate.ops.geometry import Padding, Sizes
from striate.ops.max_pool import max_pool1d, max_pool2d, max_pool3d
from striate.ops.pooling import pool_window

__all__ = ["MaxPool1d", "MaxPool2d", "MaxPool3d"]

# What a layer shows of its settings only if it is not this.
DEFAULTS: dict[str, Any] = {"stride": None, "padding": 0, "dilation": 1, "return_indices": False, "ceil_mode": False}


class _MaxPool(nn.Module):
    rank: ClassVar[int]
    op: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Padding = 0,
        dilation: Sizes = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        pool_window(type(self).__name__, self.rank, kernel_size, stride, padding, dilation)
        self.kernel_size, self.stride, self.padding, self.dilation = kernel_size, stride, padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: Tensor) -> Any:
        """Pool `input`; with the switches if asked for."""
        steps = (self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)
        return type(self).op(input, *steps, self.return_indices)

    def extra_repr(self) -> str:
        """Show the settings in the printed network."""
        shown = [f"{name}={getattr(self, name)!r}" for name, value in DEFAULTS.items() if getattr(self, name) != value]
        return ", ".join([f"kernel_size={self.kernel_size}", *shown])


class MaxPool1d(_MaxPool):
    """The greatest of each window over sequences; see `ops.max_pool1d`.

    Example:
        >>> import torch
        >>> MaxPool1d(2)(torch.zeros(2, 3, 8)).shape
        torch.Size([2, 3, 4])
    """

    rank, op = 1, max_pool1d


class MaxPool2d(_MaxPool):
    """The greatest of each window over images; see `ops.max_pool2d`.

    Args:
        kernel_size: Size of the window.
        stride: Input samples from one window to the next; None lays them side by side.
        padding: Input samples added on each side, which never win: numbers, pairs, 'valid', 'same' or 'full'.
        dilation: Input samples from one tap of the window to the next.
        return_indices: Whether to return the switches too: where each greatest was, in the plane of the input.
        ceil_mode: Whether a last, partial window counts.

    Example:
        >>> import torch
        >>> MaxPool2d(2)(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 3, 4, 4])
    """

    rank, op = 2, max_pool2d


class MaxPool3d(_MaxPool):
    """The greatest of each window over volumes; see `ops.max_pool3d`.

    Example:
        >>> import torch
        >>> MaxPool3d(2)(torch.zeros(2, 3, 8, 8, 8)).shape
        torch.Size([2, 3, 4, 4, 4])
    """

    rank, op = 3, max_pool3d
