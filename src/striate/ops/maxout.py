"""Maxima over units whose kernels differ: across feature maps (maxout), and across the kernels of a tile.

The axis letters are defined in `ops/geometry.py`.
"""

from jaxtyping import Num
from torch import Tensor

from striate.errors import OptionError, ShapeError
from striate.ops.geometry import Sizes, each
from striate.ops.max_pool import max_pool1d, max_pool2d, max_pool3d
from striate.ops.pooling import check_numbers, check_pooled

__all__ = ["check_pieces", "maxout", "tile_max_pool1d", "tile_max_pool2d", "tile_max_pool3d"]


def maxout(input: Num[Tensor, "..."], pieces: int, dim: int = 1) -> Num[Tensor, "..."]:
    """Take the maximum over each group of neighbouring feature maps.

    Args:
        input: Feature maps, `(N, K, *spatial)`; of a single example `(K, *spatial)`, with `dim=0`.
        pieces: Maps in a group.
        dim: The axis of the maps.

    Returns:
        `(N, K / pieces, *spatial)`: map `k` is the maximum of maps `k * pieces` to `(k + 1) * pieces - 1`. The first of
        equals gets the gradient, and NaN wins.

    Raises:
        ShapeError: The maps do not part into groups of so many, or there is no such axis.
        OptionError: `pieces` is no whole number.
        DtypeError: The input is complex or boolean.

    Source:
        Goodfellow et al., "Maxout networks", ICML 2013, section 3.

    Example:
        >>> import torch
        >>> maxout(torch.tensor([[1.0, 5.0, 2.0, -3.0]]), 2)
        tensor([[5., 2.]])
        >>> maxout(torch.zeros(8, 96, 32, 32), 2).shape
        torch.Size([8, 48, 32, 32])
    """
    check_pieces("maxout", pieces)
    check_numbers("maxout", input)
    if not -input.ndim <= dim < input.ndim:
        raise ShapeError(
            f"maxout: input has no axis {dim}.",
            f"Give dim from {-input.ndim} to {input.ndim - 1}; of a single example the maps are axis 0.",
            input=tuple(input.shape),
            dim=dim,
        )
    maps = input.shape[dim]
    if maps % pieces:
        raise ShapeError(
            f"maxout: {maps} feature maps do not part into groups of {pieces}.",
            "Give a number of pieces that divides the number of maps.",
            input=tuple(input.shape),
            dim=dim,
            pieces=pieces,
        )
    dim = dim % input.ndim
    # Not `amax`, which shares the gradient among equals: every other maximum here gives it to one.
    return input.unflatten(dim, (maps // pieces, pieces)).max(dim + 1).values


def tile_max_pool1d(input: Num[Tensor, "*N K Q"], tiles: Sizes) -> Num[Tensor, "*N K _Q"]:
    """As `tile_max_pool2d`, over sequences.

    Source:
        Le et al., "Tiled convolutional neural networks", NIPS 2010, section 3.

    Example:
        >>> import torch
        >>> tile_max_pool1d(torch.tensor([[1.0, 4.0, 2.0, 0.0, 3.0]]), 2)
        tensor([[4., 2., 3.]])
    """
    return _tile_max("tile_max_pool1d", 1, input, tiles)


def tile_max_pool2d(input: Num[Tensor, "*N K P Q"], tiles: Sizes) -> Num[Tensor, "*N K _P _Q"]:
    """Take the maximum over each block of neighbouring units that a tiled convolution's kernels, one each, drive.

    In `tiled_conv2d` kernels take turns: in a block of `tiles` neighbouring positions every kernel occurs once. A unit
    that pools over the block answers if any of them finds its pattern. Where training turns these kernels into
    different views of one pattern (turned, scaled, lit otherwise), the pooled unit is invariant to the change between
    them: an invariance that is learnt. With shared kernels, all the same, pooling is invariant to small shifts only.

    Args:
        input: Feature maps of a tiled convolution, with or without the axis of examples.
        tiles: How many kernels take turns along each axis: `weight.shape[:2]` of the convolution, for images.

    Returns:
        `ceil(P / tiles)` blocks, which do not overlap; the last may be partial, and then not every kernel is in it.

    Raises:
        ShapeError: Sizes do not fit.
        OptionError: A size is no whole number.
        DtypeError: The input is complex or boolean.

    Source:
        Le et al., "Tiled convolutional neural networks", NIPS 2010, section 3, which pools by the root of the sum of
        squares (`lp_pool2d` with `norm_type=2`); by the maximum, Goodfellow, Bengio and Courville, "Deep Learning", MIT
        Press 2016, section 9.5.

    Example:
        >>> import torch
        >>> tile_max_pool2d(torch.arange(16.0).view(1, 4, 4), (2, 4))
        tensor([[[ 7.],
                 [15.]]])
    """
    return _tile_max("tile_max_pool2d", 2, input, tiles)


def tile_max_pool3d(input: Num[Tensor, "*N K O P Q"], tiles: Sizes) -> Num[Tensor, "*N K _O _P _Q"]:
    """As `tile_max_pool2d`, over volumes or video.

    Source:
        Le et al., "Tiled convolutional neural networks", NIPS 2010, section 3.

    Example:
        >>> import torch
        >>> tile_max_pool3d(torch.zeros(1, 8, 4, 5, 6), (1, 2, 3)).shape
        torch.Size([1, 8, 4, 3, 2])
    """
    return _tile_max("tile_max_pool3d", 3, input, tiles)


def check_pieces(caller: str, pieces: int) -> None:
    """Refuse groups of no maps, or of parts of maps.

    Raises:
        ShapeError: It is less than 1.
        OptionError: It is no whole number.
    """
    if isinstance(pieces, bool) or not hasattr(pieces, "__index__"):
        raise OptionError(f"{caller}: pieces is no whole number.", "Give the maps in a group.", pieces=repr(pieces))
    if pieces < 1:
        raise ShapeError(f"{caller}: pieces is less than 1.", "Give 1 or more.", pieces=pieces)


def _tile_max(caller: str, rank: int, input: Tensor, tiles: Sizes) -> Tensor:
    block = each(caller, "tiles", tiles, rank)
    check_pooled(caller, rank, input)
    pool = {1: max_pool1d, 2: max_pool2d, 3: max_pool3d}[rank]
    return pool(input, block, block, ceil_mode=True)
