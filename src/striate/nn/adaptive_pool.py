"""Layers that pool to a size, whatever the size of their input.

They hold the settings; `ops.adaptive_pool` does the work.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor, nn

from striate.ops.adaptive_pool import (
    AdaptiveSizes,
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    chosen_bins,
    global_avg_pool1d,
    global_avg_pool2d,
    global_avg_pool3d,
    global_max_pool1d,
    global_max_pool2d,
    global_max_pool3d,
)

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "GlobalAvgPool1d",
    "GlobalAvgPool2d",
    "GlobalAvgPool3d",
    "GlobalMaxPool1d",
    "GlobalMaxPool2d",
    "GlobalMaxPool3d",
]


class _AdaptiveAvgPool(nn.Module):
    rank: ClassVar[int]
    op: ClassVar[Callable[..., Tensor]]

    def __init__(self, output_size: AdaptiveSizes) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        chosen_bins(type(self).__name__, output_size, self.rank)
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """Pool `input`."""
        return type(self).op(input, self.output_size)

    def extra_repr(self) -> str:
        """Show the settings in the printed network."""
        return f"output_size={self.output_size}"


class _AdaptiveMaxPool(nn.Module):
    rank: ClassVar[int]
    op: ClassVar[Callable[..., Any]]

    def __init__(self, output_size: AdaptiveSizes, return_indices: bool = False) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        chosen_bins(type(self).__name__, output_size, self.rank)
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, input: Tensor) -> Any:
        """Pool `input`; with the switches if asked for."""
        return type(self).op(input, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        """Show the settings in the printed network."""
        return f"output_size={self.output_size}" + (", return_indices=True" if self.return_indices else "")


class _GlobalPool(nn.Module):
    op: ClassVar[Callable[..., Tensor]]

    def forward(self, input: Tensor) -> Tensor:
        """Pool `input`."""
        return type(self).op(input)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """The mean of each of so many windows over sequences; see `AdaptiveAvgPool2d`.

    Example:
        >>> import torch
        >>> AdaptiveAvgPool1d(2)(torch.zeros(4, 3, 8)).shape
        torch.Size([4, 3, 2])
    """

    rank, op = 1, adaptive_avg_pool1d


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """The mean of each of so many windows over images; see `ops.adaptive_avg_pool2d`.

    Args:
        output_size: Positions along each axis: one number for all, or one each; None keeps the input's size.

    Example:
        >>> import torch
        >>> AdaptiveAvgPool2d(2)(torch.zeros(4, 3, 8, 8)).shape
        torch.Size([4, 3, 2, 2])
    """

    rank, op = 2, adaptive_avg_pool2d


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """The mean of each of so many windows over volumes; see `AdaptiveAvgPool2d`.

    Example:
        >>> import torch
        >>> AdaptiveAvgPool3d(2)(torch.zeros(4, 3, 8, 8, 8)).shape
        torch.Size([4, 3, 2, 2, 2])
    """

    rank, op = 3, adaptive_avg_pool3d


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The greatest of each of so many windows over sequences; see `AdaptiveMaxPool2d`.

    Example:
        >>> import torch
        >>> AdaptiveMaxPool1d(2)(torch.zeros(4, 3, 8)).shape
        torch.Size([4, 3, 2])
    """

    rank, op = 1, adaptive_max_pool1d


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The greatest of each of so many windows over images; see `ops.adaptive_max_pool2d`.

    Args:
        output_size: Positions along each axis: one number for all, or one each; None keeps the input's size.
        return_indices: Whether to return the switches too: where each greatest was, in the plane of the input.

    Example:
        >>> import torch
        >>> AdaptiveMaxPool2d(2)(torch.zeros(4, 3, 8, 8)).shape
        torch.Size([4, 3, 2, 2])
    """

    rank, op = 2, adaptive_max_pool2d


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The greatest of each of so many windows over volumes; see `AdaptiveMaxPool2d`.

    Example:
        >>> import torch
        >>> AdaptiveMaxPool3d(2)(torch.zeros(4, 3, 8, 8, 8)).shape
        torch.Size([4, 3, 2, 2, 2])
    """

    rank, op = 3, adaptive_max_pool3d


class GlobalAvgPool1d(_GlobalPool):
    """The mean of each feature map of sequences; see `ops.global_avg_pool1d`.

    Example:
        >>> import torch
        >>> GlobalAvgPool1d()(torch.zeros(4, 3, 8)).shape
        torch.Size([4, 3, 1])
    """

    op = global_avg_pool1d


class GlobalAvgPool2d(_GlobalPool):
    """The mean of each feature map of images; see `ops.global_avg_pool2d`.

    Example:
        >>> import torch
        >>> GlobalAvgPool2d()(torch.zeros(4, 3, 8, 8)).shape
        torch.Size([4, 3, 1, 1])
    """

    op = global_avg_pool2d


class GlobalAvgPool3d(_GlobalPool):
    """The mean of each feature map of volumes; see `ops.global_avg_pool3d`.

    Example:
        >>> import torch
        >>> GlobalAvgPool3d()(torch.zeros(4, 3, 8, 8, 8)).shape
        torch.Size([4, 3, 1, 1, 1])
    """

    op = global_avg_pool3d


class GlobalMaxPool1d(_GlobalPool):
    """The greatest of each feature map of sequences; see `ops.global_max_pool1d`.

    Example:
        >>> import torch
        >>> GlobalMaxPool1d()(torch.zeros(4, 3, 8)).shape
        torch.Size([4, 3, 1])
    """

    op = global_max_pool1d


class GlobalMaxPool2d(_GlobalPool):
    """The greatest of each feature map of images; see `ops.global_max_pool2d`.

    Example:
        >>> import torch
        >>> GlobalMaxPool2d()(torch.zeros(4, 3, 8, 8)).shape
        torch.Size([4, 3, 1, 1])
    """

    op = global_max_pool2d


class GlobalMaxPool3d(_GlobalPool):
    """The greatest of each feature map of volumes; see `ops.global_max_pool3d`.

    Example:
        >>> import torch
        >>> GlobalMaxPool3d()(torch.zeros(4, 3, 8, 8, 8)).shape
        torch.Size([4, 3, 1, 1, 1])
    """

    op = global_max_pool3d
