"""Layers of maxima over units whose kernels differ: across feature maps, and across the kernels of a tile.

They hold the settings; `ops.maxout` does the work.
"""

from collections.abc import Callable
from typing import ClassVar

from torch import Tensor, nn

from striate.ops.geometry import Sizes, each
from striate.ops.maxout import check_pieces, maxout, tile_max_pool1d, tile_max_pool2d, tile_max_pool3d

__all__ = ["Maxout", "TileMaxPool1d", "TileMaxPool2d", "TileMaxPool3d"]


class Maxout(nn.Module):
    """The greatest of each group of neighbouring feature maps; see `ops.maxout`.

    Args:
        pieces: Maps in a group.
        dim: The axis of the maps.

    Source:
        Goodfellow et al., "Maxout networks", ICML 2013, section 3.

    Example:
        >>> import torch
        >>> Maxout(2)(torch.zeros(8, 96, 32, 32)).shape
        torch.Size([8, 48, 32, 32])
    """

    def __init__(self, pieces: int, dim: int = 1) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        check_pieces(type(self).__name__, pieces)
        self.pieces, self.dim = pieces, dim

    def forward(self, input: Tensor) -> Tensor:
        """Take the maxima of `input`."""
        return maxout(input, self.pieces, self.dim)

    def extra_repr(self) -> str:
        """Show the settings in the printed network."""
        return f"pieces={self.pieces}" + (f", dim={self.dim}" if self.dim != 1 else "")


class _TileMaxPool(nn.Module):
    rank: ClassVar[int]
    op: ClassVar[Callable[..., Tensor]]

    def __init__(self, tiles: Sizes) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        each(type(self).__name__, "tiles", tiles, self.rank)
        self.tiles = tiles

    def forward(self, input: Tensor) -> Tensor:
        """Pool `input`."""
        return type(self).op(input, self.tiles)

    def extra_repr(self) -> str:
        """Show the settings in the printed network."""
        return f"tiles={self.tiles}"


class TileMaxPool1d(_TileMaxPool):
    """The greatest among the kernels of a tile, over sequences; see `TileMaxPool2d`.

    Example:
        >>> import torch
        >>> TileMaxPool1d(2)(torch.zeros(2, 3, 7)).shape
        torch.Size([2, 3, 4])
    """

    rank, op = 1, tile_max_pool1d


class TileMaxPool2d(_TileMaxPool):
    """The greatest among the kernels of a tile, over images: a learnt invariance; see `ops.tile_max_pool2d`.

    Args:
        tiles: How many kernels take turns along each axis, as in the tiled convolution before it.

    Source:
        Le et al., "Tiled convolutional neural networks", NIPS 2010, section 3.

    Example:
        >>> import torch
        >>> TileMaxPool2d(2)(torch.zeros(2, 3, 8, 7)).shape
        torch.Size([2, 3, 4, 4])
    """

    rank, op = 2, tile_max_pool2d


class TileMaxPool3d(_TileMaxPool):
    """The greatest among the kernels of a tile, over volumes; see `TileMaxPool2d`.

    Example:
        >>> import torch
        >>> TileMaxPool3d((1, 2, 2))(torch.zeros(2, 3, 4, 8, 7)).shape
        torch.Size([2, 3, 4, 4, 4])
    """

    rank, op = 3, tile_max_pool3d
