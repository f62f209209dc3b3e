"""Layers with kernels that take turns, transposed.

They own the parameters; `ops.tiled_transpose` does the work.
"""

from typing import Any

from striate.nn.convolution import TransposedConvolution
from striate.ops.geometry import Sizes, each
from striate.ops.tiled_transpose import tiled_conv_transpose1d, tiled_conv_transpose2d, tiled_conv_transpose3d

__all__ = ["TiledConvTranspose1d", "TiledConvTranspose2d", "TiledConvTranspose3d"]


class _TiledTranspose(TransposedConvolution):
    own_bias = "tile"

    def __init__(self, *args: Any, tiles: Sizes = 2, **settings: Any) -> None:
        self._wanted = tiles
        super().__init__(*args, **settings)

    def _tile(self) -> None:
        self.tiles = each(type(self).__name__, "tiles", self._wanted, self.rank)


class TiledConvTranspose1d(_TiledTranspose):
    """Learned kernels that take turns over sequences; see `TiledConvTranspose2d`.

    Example:
        >>> import torch
        >>> TiledConvTranspose1d(3, 4, 3, stride=2)(torch.zeros(2, 3, 5)).shape
        torch.Size([2, 4, 11])
    """

    rank, op = 1, tiled_conv_transpose1d


class TiledConvTranspose2d(_TiledTranspose):
    """Learned kernels that take turns over images; see `ops.tiled_conv_transpose2d`.

    Args:
        in_channels: Channels of the input, `K` of the convolution that is transposed.
        out_channels: Channels of the output, its `C`.
        kernel_size: Taps along each axis.
        stride: Output samples from one position to the next.
        padding: What is cut off on each side: numbers, pairs, 'valid', 'same' or 'full'; see `ops.conv_transpose2d`.
        output_padding: Samples to add at the end.
        groups: Blocks into which the channels are split.
        bias: Whether to learn one offset per tile; or one for each 'channel' of the output, or each 'location'.
        dilation: Output samples from one tap to the next.
        padding_mode: Only 'zeros'.
        device: Where the parameters live.
        dtype: What they are made of.
        input_size: Spatial sizes of the input; needed for a bias per location.
        flip: Whether the convolution flips its kernels.
        tiles: Kernels that take turns along each axis: the period.

    Example:
        >>> import torch
        >>> TiledConvTranspose2d(3, 4, 3, stride=2)(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 4, 17, 17])
    """

    rank, op = 2, tiled_conv_transpose2d


class TiledConvTranspose3d(_TiledTranspose):
    """Learned kernels that take turns over volumes; see `TiledConvTranspose2d`.

    Example:
        >>> import torch
        >>> TiledConvTranspose3d(3, 4, 3, stride=2)(torch.zeros(2, 3, 5, 5, 5)).shape
        torch.Size([2, 4, 11, 11, 11])
    """

    rank, op = 3, tiled_conv_transpose3d
