"""Pooling to a size: as many windows as are asked for share the input among them; one of them, and it is global.

The axis letters are defined in `ops/geometry.py`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias, overload

from jaxtyping import Float, Int, Num
from torch import Tensor
from torch.nn import functional as F

from striate.ops.geometry import each
from striate.ops.pooling import check_pooled

__all__ = [
    "AdaptiveSizes",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "chosen_bins",
    "global_avg_pool1d",
    "global_avg_pool2d",
    "global_avg_pool3d",
    "global_max_pool1d",
    "global_max_pool2d",
    "global_max_pool3d",
]

AdaptiveSizes: TypeAlias = int | Sequence[int | None] | None
"""Positions along each axis: one number for all, or one each; None keeps the input's size."""

_AVERAGE: dict[int, Callable[..., Tensor]] = {
    1: F.adaptive_avg_pool1d,
    2: F.adaptive_avg_pool2d,
    3: F.adaptive_avg_pool3d,
}
_MAXIMUM: dict[int, Callable[..., Any]] = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}


def adaptive_avg_pool1d(input: Float[Tensor, "*N C T"], output_size: AdaptiveSizes) -> Float[Tensor, "*N C Q"]:
    """As `adaptive_avg_pool2d`, over sequences.

    Source:
        He et al., "Spatial pyramid pooling in deep convolutional networks for visual recognition", ECCV 2014,
        section 2.2.

    Example:
        >>> import torch
        >>> adaptive_avg_pool1d(torch.arange(5.0)[None], 2)
        tensor([[1., 3.]])
    """
    return _average("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: Float[Tensor, "*N C H W"], output_size: AdaptiveSizes) -> Float[Tensor, "*N C P Q"]:
    """Take the means of as many windows as are asked for, whatever the size of the image.

    Position `p` of `P` is the mean from sample `floor(p * H / P)` to before `ceil((p + 1) * H / P)`: windows differ by
    at most one sample, and overlap by at most one, where `P` does not divide `H`.

    Args:
        input: Input, with or without the axis of examples.
        output_size: Positions along each axis: one number for all, or one each; None keeps the input's size.

    Returns:
        `P` and `Q` as asked for.

    Raises:
        ShapeError: Sizes do not fit.
        OptionError: A size is no whole number.
        DtypeError: The input is not made of floating numbers.

    Source:
        He et al., "Spatial pyramid pooling in deep convolutional networks for visual recognition", ECCV 2014,
        section 2.2: windows in proportion to the image.

    Example:
        >>> import torch
        >>> adaptive_avg_pool2d(torch.arange(16.0).view(1, 4, 4), (1, 2))
        tensor([[[6.5000, 8.5000]]])
        >>> adaptive_avg_pool2d(torch.zeros(1, 3, 5, 7), (None, 2)).shape
        torch.Size([1, 3, 5, 2])
    """
    return _average("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_avg_pool3d(input: Float[Tensor, "*N C D H W"], output_size: AdaptiveSizes) -> Float[Tensor, "*N C O P Q"]:
    """As `adaptive_avg_pool2d`, over volumes or video.

    Source:
        He et al., "Spatial pyramid pooling in deep convolutional networks for visual recognition", ECCV 2014,
        section 2.2.

    Example:
        >>> import torch
        >>> adaptive_avg_pool3d(torch.zeros(1, 3, 5, 6, 7), 2).shape
        torch.Size([1, 3, 2, 2, 2])
    """
    return _average("adaptive_avg_pool3d", 3, input, output_size)


@overload
def adaptive_max_pool1d(
    input: Float[Tensor, "*N C T"], output_size: AdaptiveSizes, return_indices: Literal[False] = False
) -> Float[Tensor, "*N C Q"]: ...
@overload
def adaptive_max_pool1d(
    input: Float[Tensor, "*N C T"], output_size: AdaptiveSizes, return_indices: Literal[True]
) -> tuple[Float[Tensor, "*N C Q"], Int[Tensor, "*N C Q"]]: ...
def adaptive_max_pool1d(
    input: Float[Tensor, "*N C T"], output_size: AdaptiveSizes, return_indices: bool = False
) -> Float[Tensor, "*N C Q"] | tuple[Float[Tensor, "*N C Q"], Int[Tensor, "*N C Q"]]:
    """As `adaptive_max_pool2d`, over sequences.

    Source:
        He et al., "Spatial pyramid pooling in deep convolutional networks for visual recognition", ECCV 2014,
        section 2.2.

    Example:
        >>> import torch
        >>> adaptive_max_pool1d(torch.tensor([[1.0, 3.0, 2.0, 0.0, 5.0]]), 2, return_indices=True)
        (tensor([[3., 5.]]), tensor([[1, 4]]))
    """
    return _MAXIMUM[1](input, _positions("adaptive_max_pool1d", 1, input, output_size), return_indices)


@overload
def adaptive_max_pool2d(
    input: Float[Tensor, "*N C H W"], output_size: AdaptiveSizes, return_indices: Literal[False] = False
) -> Float[Tensor, "*N C P Q"]: ...
@overload
def adaptive_max_pool2d(
    input: Float[Tensor, "*N C H W"], output_size: AdaptiveSizes, return_indices: Literal[True]
) -> tuple[Float[Tensor, "*N C P Q"], Int[Tensor, "*N C P Q"]]: ...
def adaptive_max_pool2d(
    input: Float[Tensor, "*N C H W"], output_size: AdaptiveSizes, return_indices: bool = False
) -> Float[Tensor, "*N C P Q"] | tuple[Float[Tensor, "*N C P Q"], Int[Tensor, "*N C P Q"]]:
    """Take the greatest samples of as many windows as are asked for, whatever the size of the image.

    The windows are those of `adaptive_avg_pool2d`.

    Args:
        input: Input, with or without the axis of examples.
        output_size: Positions along each axis: one number for all, or one each; None keeps the input's size.
        return_indices: Whether to return the switches too: places in the plane, `row * W + column`.

    Returns:
        `P` and `Q` as asked for.

    Raises:
        ShapeError: Sizes do not fit.
        OptionError: A size is no whole number.
        DtypeError: The input is not made of floating numbers.

    Source:
        He et al., "Spatial pyramid pooling in deep convolutional networks for visual recognition", ECCV 2014,
        section 2.2.

    Example:
        >>> import torch
        >>> adaptive_max_pool2d(torch.arange(16.0).view(1, 4, 4), (1, 2))
        tensor([[[13., 15.]]])
    """
    return _MAXIMUM[2](input, _positions("adaptive_max_pool2d", 2, input, output_size), return_indices)


@overload
def adaptive_max_pool3d(
    input: Float[Tensor, "*N C D H W"], output_size: AdaptiveSizes, return_indices: Literal[False] = False
) -> Float[Tensor, "*N C O P Q"]: ...
@overload
def adaptive_max_pool3d(
    input: Float[Tensor, "*N C D H W"], output_size: AdaptiveSizes, return_indices: Literal[True]
) -> tuple[Float[Tensor, "*N C O P Q"], Int[Tensor, "*N C O P Q"]]: ...
def adaptive_max_pool3d(
    input: Float[Tensor, "*N C D H W"], output_size: AdaptiveSizes, return_indices: bool = False
) -> Float[Tensor, "*N C O P Q"] | tuple[Float[Tensor, "*N C O P Q"], Int[Tensor, "*N C O P Q"]]:
    """As `adaptive_max_pool2d`, over volumes or video.

    Source:
        He et al., "Spatial pyramid pooling in deep convolutional networks for visual recognition", ECCV 2014,
        section 2.2.

    Example:
        >>> import torch
        >>> adaptive_max_pool3d(torch.zeros(1, 3, 5, 6, 7), (1, None, 2)).shape
        torch.Size([1, 3, 1, 6, 2])
    """
    return _MAXIMUM[3](input, _positions("adaptive_max_pool3d", 3, input, output_size), return_indices)


def global_avg_pool1d(input: Float[Tensor, "*N C T"]) -> Float[Tensor, "*N C 1"]:
    """As `global_avg_pool2d`, over sequences.

    Source:
        Lin, Chen and Yan, "Network in network", ICLR 2014, section 3.2.

    Example:
        >>> import torch
        >>> global_avg_pool1d(torch.arange(5.0)[None])
        tensor([[2.]])
    """
    return _global_avg("global_avg_pool1d", 1, input)


def global_avg_pool2d(input: Float[Tensor, "*N C H W"]) -> Float[Tensor, "*N C 1 1"]:
    """Take the mean of each feature map.

    Args:
        input: Input, with or without the axis of examples.

    Returns:
        One number for each map; its spatial axes stay, of size 1.

    Raises:
        ShapeError: The input has too many or too few axes, or nothing to pool.
        DtypeError: The input is not made of floating numbers.

    Source:
        Lin, Chen and Yan, "Network in network", ICLR 2014, section 3.2.

    Example:
        >>> import torch
        >>> global_avg_pool2d(torch.zeros(8, 64, 7, 7)).shape
        torch.Size([8, 64, 1, 1])
    """
    return _global_avg("global_avg_pool2d", 2, input)


def global_avg_pool3d(input: Float[Tensor, "*N C D H W"]) -> Float[Tensor, "*N C 1 1 1"]:
    """As `global_avg_pool2d`, over volumes or video.

    Source:
        Lin, Chen and Yan, "Network in network", ICLR 2014, section 3.2.

    Example:
        >>> import torch
        >>> global_avg_pool3d(torch.zeros(8, 64, 4, 7, 7)).shape
        torch.Size([8, 64, 1, 1, 1])
    """
    return _global_avg("global_avg_pool3d", 3, input)


def global_max_pool1d(input: Num[Tensor, "*N C T"]) -> Num[Tensor, "*N C 1"]:
    """As `global_max_pool2d`, over sequences.

    Source:
        Oquab et al., "Is object localization for free?", CVPR 2015, section 3.

    Example:
        >>> import torch
        >>> global_max_pool1d(torch.arange(5)[None])
        tensor([[4]])
    """
    return _global_max("global_max_pool1d", 1, input)


def global_max_pool2d(input: Num[Tensor, "*N C H W"]) -> Num[Tensor, "*N C 1 1"]:
    """Take the greatest sample of each feature map; the first of several gets the gradient, and NaN wins.

    Args:
        input: Input, with or without the axis of examples.

    Returns:
        One number for each map; its spatial axes stay, of size 1. Switches come from `adaptive_max_pool2d(input, 1)`.

    Raises:
        ShapeError: The input has too many or too few axes, or nothing to pool.
        DtypeError: The input is complex or boolean.

    Source:
        Oquab et al., "Is object localization for free?", CVPR 2015, section 3.

    Example:
        >>> import torch
        >>> global_max_pool2d(torch.arange(16.0).view(1, 4, 4))
        tensor([[[15.]]])
    """
    return _global_max("global_max_pool2d", 2, input)


def global_max_pool3d(input: Num[Tensor, "*N C D H W"]) -> Num[Tensor, "*N C 1 1 1"]:
    """As `global_max_pool2d`, over volumes or video.

    Source:
        Oquab et al., "Is object localization for free?", CVPR 2015, section 3.

    Example:
        >>> import torch
        >>> global_max_pool3d(torch.zeros(8, 64, 4, 7, 7)).shape
        torch.Size([8, 64, 1, 1, 1])
    """
    return _global_max("global_max_pool3d", 3, input)


def chosen_bins(caller: str, output_size: AdaptiveSizes, rank: int) -> tuple[int | None, ...]:
    """Give the positions along each axis that are asked for; None where the input's size is to stay.

    Raises:
        ShapeError: There are more or fewer than axes, or one is negative.
        OptionError: One is no whole number.
    """
    listed = tuple(output_size) if isinstance(output_size, Sequence) else (output_size,)
    # An axis that stays is checked as an axis of one position.
    counts = each(caller, "output_size", [1 if n is None else n for n in listed], rank, least=0)
    kept = listed * rank if len(listed) == 1 else listed
    return tuple(None if keep is None else n for keep, n in zip(kept, counts, strict=True))


def _positions(caller: str, rank: int, input: Tensor, output_size: AdaptiveSizes) -> list[int]:
    check_pooled(caller, rank, input, floating=True)
    bins = chosen_bins(caller, output_size, rank)
    return [n if count is None else count for n, count in zip(input.shape[-rank:], bins, strict=True)]


def _average(caller: str, rank: int, input: Tensor, output_size: AdaptiveSizes) -> Tensor:
    positions = _positions(caller, rank, input, output_size)
    # In three dimensions PyTorch adds up two-byte numbers as such: their sum overflows, or stops growing.
    wide = input.float() if rank == 3 and input.dtype.itemsize == 2 else input
    return _AVERAGE[rank](wide, positions).to(input.dtype)


def _global_avg(caller: str, rank: int, input: Tensor) -> Tensor:
    check_pooled(caller, rank, input, floating=True)
    return input.mean(list(range(-rank, 0)), keepdim=True)


def _global_max(caller: str, rank: int, input: Tensor) -> Tensor:
    check_pooled(caller, rank, input)
    # Not `amax`, which shares the gradient among equals: pooling gives it to one.
    greatest = input.flatten(-rank).max(-1, keepdim=True).values
    return greatest.unflatten(-1, (1,) * rank)
