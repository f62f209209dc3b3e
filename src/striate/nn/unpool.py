"""Layers of unpooling: each number goes back to where its switch says it came from.

They hold the settings; `ops.unpool` does the work.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

from torch import Tensor, nn

from striate.ops.geometry import Padding, Sizes
from striate.ops.pooling import pool_window
from striate.ops.unpool import Overlap, check_overlap, max_unpool1d, max_unpool2d, max_unpool3d

__all__ = ["MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"]


class _MaxUnpool(nn.Module):
    rank: ClassVar[int]
    op: ClassVar[Callable[..., Tensor]]

    def __init__(
        self, kernel_size: Sizes, stride: Sizes | None = None, padding: Padding = 0, *, overlap: Overlap = "sum"
    ) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        pool_window(type(self).__name__, self.rank, kernel_size, stride, padding)
        check_overlap(type(self).__name__, overlap)
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.overlap: Overlap = overlap

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Put `input` where `indices` say; `output_size` names the size of the result."""
        steps = (self.kernel_size, self.stride, self.padding, output_size)
        return type(self).op(input, indices, *steps, overlap=self.overlap)

    def extra_repr(self) -> str:
        """Show the settings in the printed network."""
        stride = self.kernel_size if self.stride is None else self.stride
        return f"kernel_size={self.kernel_size}, stride={stride}, padding={self.padding}, overlap={self.overlap!r}"


class MaxUnpool1d(_MaxUnpool):
    """Unpooling with switches over sequences; see `MaxUnpool2d`.

    Example:
        >>> import torch
        >>> from striate.ops import max_pool1d
        >>> pooled, switches = max_pool1d(torch.tensor([[1.0, 4.0, 2.0, 3.0]]), 2, return_indices=True)
        >>> MaxUnpool1d(2)(pooled, switches)
        tensor([[0., 4., 0., 3.]])
    """

    rank, op = 1, max_unpool1d


class MaxUnpool2d(_MaxUnpool):
    """Unpooling with switches over images; see `ops.max_unpool2d`.

    Args:
        kernel_size: Size of the pooling's window.
        stride: The pooling's stride; None lays the windows side by side.
        padding: The pooling's padding.
        overlap: What becomes of numbers with the same switch: 'sum', 'max' or 'last'.

    Example:
        >>> import torch
        >>> from striate.ops import max_pool2d
        >>> pooled, switches = max_pool2d(torch.rand(1, 3, 9, 9), 3, 2, return_indices=True)
        >>> MaxUnpool2d(3, 2)(pooled, switches).shape
        torch.Size([1, 3, 9, 9])
    """

    rank, op = 2, max_unpool2d


class MaxUnpool3d(_MaxUnpool):
    """Unpooling with switches over volumes; see `MaxUnpool2d`.

    Example:
        >>> import torch
        >>> from striate.ops import max_pool3d
        >>> pooled, switches = max_pool3d(torch.rand(1, 3, 4, 4, 4), 2, return_indices=True)
        >>> MaxUnpool3d(2)(pooled, switches).shape
        torch.Size([1, 3, 4, 4, 4])
    """

    rank, op = 3, max_unpool3d
