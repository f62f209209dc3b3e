"""Layers of Lp pooling.

They hold the settings; `ops.lp_pool` does the work.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor, nn

from striate.ops.geometry import Padding, Sizes
from striate.ops.lp_pool import check_norm, lp_pool1d, lp_pool2d, lp_pool3d
from striate.ops.pooling import pool_window

__all__ = ["LPPool1d", "LPPool2d", "LPPool3d"]

# What a layer shows of its settings only if it is not this.
DEFAULTS: dict[str, Any] = {"stride": None, "ceil_mode": False, "padding": 0}


class _LPPool(nn.Module):
    rank: ClassVar[int]
    op: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        norm_type: float,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        ceil_mode: bool = False,
        *,
        padding: Padding = 0,
    ) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        check_norm(type(self).__name__, norm_type)
        pool_window(type(self).__name__, self.rank, kernel_size, stride, padding)
        self.norm_type, self.kernel_size, self.stride = norm_type, kernel_size, stride
        self.ceil_mode, self.padding = ceil_mode, padding

    def forward(self, input: Tensor) -> Tensor:
        """Pool `input`."""
        steps = (self.kernel_size, self.stride, self.ceil_mode)
        return type(self).op(input, self.norm_type, *steps, padding=self.padding)

    def extra_repr(self) -> str:
        """Show the settings in the printed network."""
        shown = [f"{name}={getattr(self, name)!r}" for name, value in DEFAULTS.items() if getattr(self, name) != value]
        return ", ".join([f"norm_type={self.norm_type}, kernel_size={self.kernel_size}", *shown])


class LPPool1d(_LPPool):
    """The p-norm of each window over sequences; see `LPPool2d`.

    Example:
        >>> import torch
        >>> LPPool1d(2, 2)(torch.zeros(2, 3, 8)).shape
        torch.Size([2, 3, 4])
    """

    rank, op = 1, lp_pool1d


class LPPool2d(_LPPool):
    """The p-norm of each window over images; see `ops.lp_pool2d`.

    Args:
        norm_type: The power `p`, above 0; `inf` takes the greatest of `|x|`.
        kernel_size: Size of the window.
        stride: Input samples from one window to the next; None lays them side by side.
        ceil_mode: Whether a last, partial window counts.
        padding: Zeros added on each side: numbers, pairs, 'valid', 'same' or 'full'.

    Example:
        >>> import torch
        >>> LPPool2d(2, 2)(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 3, 4, 4])
    """

    rank, op = 2, lp_pool2d


class LPPool3d(_LPPool):
    """The p-norm of each window over volumes; see `LPPool2d`.

    Example:
        >>> import torch
        >>> LPPool3d(2, 2)(torch.zeros(2, 3, 8, 8, 8)).shape
        torch.Size([2, 3, 4, 4, 4])
    """

    rank, op = 3, lp_pool3d
