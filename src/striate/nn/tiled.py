"""Layers with kernels that take turns: tiled convolution.

They own the parameters; `ops.tiled` does the work.
"""

from typing import Any

from striate.nn.convolution import Convolution
from striate.ops.geometry import Sizes, each
from striate.ops.tiled import tiled_conv1d, tiled_conv2d, tiled_conv3d

__all__ = ["TiledConv1d", "TiledConv2d", "TiledConv3d"]


class _Tiled(Convolution):
    own_bias = "tile"

    def __init__(self, *args: Any, tiles: Sizes = 2, **settings: Any) -> None:
        self._wanted = tiles
        super().__init__(*args, **settings)

    def _tile(self) -> None:
        self.tiles = each(type(self).__name__, "tiles", self._wanted, self.rank)


class TiledConv1d(_Tiled):
    """Learned kernels that take turns over sequences; see `TiledConv2d`.

    Example:
        >>> import torch
        >>> TiledConv1d(3, 4, 3)(torch.zeros(2, 3, 5)).shape
        torch.Size([2, 4, 3])
    """

    rank, op = 1, tiled_conv1d


class TiledConv2d(_Tiled):
    """Learned kernels that take turns over images; see `ops.tiled_conv2d`.

    Args:
        in_channels: Channels of the input, `C`.
        out_channels: Channels of the output, `K`.
        kernel_size: Taps along each axis.
        stride: Input samples from one position to the next.
        padding: Input samples added on each side: numbers, pairs, 'valid', 'same' or 'full'; see `ops.conv2d`.
        dilation: Input samples from one tap to the next.
        groups: Blocks into which the channels are split.
        bias: Whether to learn one offset per tile; or one for each 'channel' of the output, or each 'location'.
        padding_mode: What the added samples are: 'zeros', 'reflect', 'replicate' or 'circular'.
        device: Where the parameters live.
        dtype: What they are made of.
        input_size: Spatial sizes of the input; needed for a bias per location.
        flip: Whether to flip the kernels: true convolution.
        tiles: Kernels that take turns along each axis: the period.

    Example:
        >>> import torch
        >>> TiledConv2d(3, 4, 3)(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 4, 6, 6])
    """

    rank, op = 2, tiled_conv2d


class TiledConv3d(_Tiled):
    """Learned kernels that take turns over volumes; see `TiledConv2d`.

    Example:
        >>> import torch
        >>> TiledConv3d(3, 4, 3)(torch.zeros(2, 3, 5, 5, 5)).shape
        torch.Size([2, 4, 3, 3, 3])
    """

    rank, op = 3, tiled_conv3d
