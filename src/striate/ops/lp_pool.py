"""Lp pooling: the p-norm of the samples under a window that slides, between the sum and the maximum.

The axis letters are defined in `ops/geometry.py`.
"""

from math import inf

import torch
from jaxtyping import Float
from torch import Tensor

from striate.errors import OptionError
from striate.ops.avg_pool import avg_pool1d, avg_pool2d, avg_pool3d
from striate.ops.geometry import Padding, Sizes
from striate.ops.max_pool import max_pool1d, max_pool2d, max_pool3d
from striate.ops.pooling import check_pooled, pool_window

__all__ = ["check_norm", "lp_pool1d", "lp_pool2d", "lp_pool3d"]

_SUM = {1: avg_pool1d, 2: avg_pool2d, 3: avg_pool3d}
_MAX = {1: max_pool1d, 2: max_pool2d, 3: max_pool3d}


def lp_pool1d(
    input: Float[Tensor, "*N C T"],
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
    *,
    padding: Padding = 0,
) -> Float[Tensor, "*N C Q"]:
    """As `lp_pool2d`, over sequences.

    Source:
        Sermanet, Chintala and LeCun, "Convolutional neural networks applied to house numbers digit classification",
        ICPR 2012, section 2.2.

    Example:
        >>> import torch
        >>> lp_pool1d(torch.tensor([[3.0, -4.0, 0.0, 2.0]]), 2, 2)
        tensor([[5., 2.]])
    """
    return _lp_pool("lp_pool1d", 1, input, norm_type, (kernel_size, stride, padding), ceil_mode)


def lp_pool2d(
    input: Float[Tensor, "*N C H W"],
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
    *,
    padding: Padding = 0,
) -> Float[Tensor, "*N C P Q"]:
    """Take the p-norm of the samples under each window of an image: `(sum |x| ** p) ** (1 / p)`.

    PyTorch's function raises `x` itself to the power, which is no norm where samples are negative and `p` is not even,
    and multiplies the mean of a partial window by the taps of a whole one. Elsewhere the two agree.

    The gradient is 0 where every sample under a window is 0, and so is what a sample of 0 receives if `p` is below 2.

    Args:
        input: Input, with or without the axis of examples.
        norm_type: The power `p`, above 0; `inf` takes the greatest of `|x|`. Powers that overflow give
            infinity, and those that underflow 0.
        kernel_size: Taps along each axis.
        stride: Input samples from one window to the next; without it they lie side by side.
        ceil_mode: Whether a last, partial window counts, if it starts inside the input or the padding before it.
        padding: Zeros added on each side: a number, one for each axis, or a pair (before, after) for each, at most
            half a window; 'valid' adds none; 'same' as few as give `ceil(size / stride)` positions, the odd one last;
            'full' as many as let every tap meet every sample.

    Returns:
        `P = (H + before + after - R) // stride + 1`, rounded up with `ceil_mode`; `Q` likewise.

    Raises:
        ShapeError: Sizes do not fit.
        OptionError: There is no such padding, or `p` is not above 0.
        DtypeError: The input is not made of floating numbers.

    Source:
        Sermanet, Chintala and LeCun, "Convolutional neural networks applied to house numbers digit classification",
        ICPR 2012, section 2.2, with equal weights.

    Example:
        >>> import torch
        >>> lp_pool2d(torch.tensor([[[3.0, -4.0], [0.0, 12.0]]]), 2, 2)
        tensor([[[13.]]])
        >>> lp_pool2d(torch.tensor([[[3.0, -4.0], [0.0, 12.0]]]), 1, 2, 1, padding=[(0, 0), (0, 1)])
        tensor([[[19., 16.]]])
    """
    return _lp_pool("lp_pool2d", 2, input, norm_type, (kernel_size, stride, padding), ceil_mode)


def lp_pool3d(
    input: Float[Tensor, "*N C D H W"],
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
    *,
    padding: Padding = 0,
) -> Float[Tensor, "*N C O P Q"]:
    """As `lp_pool2d`, over volumes or video.

    Source:
        Sermanet, Chintala and LeCun, "Convolutional neural networks applied to house numbers digit classification",
        ICPR 2012, section 2.2.

    Example:
        >>> import torch
        >>> lp_pool3d(torch.ones(1, 4, 4, 4), 3, 2).shape
        torch.Size([1, 2, 2, 2])
    """
    return _lp_pool("lp_pool3d", 3, input, norm_type, (kernel_size, stride, padding), ceil_mode)


def check_norm(caller: str, norm_type: float) -> None:
    """Refuse a power that makes no norm.

    Raises:
        OptionError: It is not above 0.
    """
    if not norm_type > 0:  # so said, NaN is refused too
        raise OptionError(
            f"{caller}: norm_type is not above 0.",
            "Give the power p of the norm: 1 sums, 2 is Euclid's, inf takes the greatest.",
            norm_type=norm_type,
        )


def _lp_pool(
    caller: str,
    rank: int,
    input: Tensor,
    p: float,
    steps: tuple[Sizes, Sizes | None, Padding],
    ceil_mode: bool,
) -> Tensor:
    check_norm(caller, p)
    check_pooled(caller, rank, input, floating=True)
    pool_window(caller, rank, *steps).fitted(caller, input.shape[-rank:], ceil_mode=ceil_mode)
    if p == inf:
        return _MAX[rank](input.abs(), *steps, ceil_mode=ceil_mode)
    # Squares of two-byte numbers soon leave their range, and sums of them their precision.
    wide = input.float() if input.dtype.itemsize == 2 else input
    sums = _SUM[rank](_power(wide, p), *steps, ceil_mode, divisor_override=1)
    return _root(sums, p).to(input.dtype)


def _power(x: Tensor, p: float) -> Tensor:
    if p == 1:
        return x.abs()
    if p % 2 == 0:
        # Without `abs`, whose slope at 0 is taken for 0: the second derivative of x ** 2 is 2 there too.
        return x.pow(p)
    return x.abs().pow(p) if p > 2 else _away_from_zero(x.abs(), p)


def _root(sums: Tensor, p: float) -> Tensor:
    return sums if p == 1 else _away_from_zero(sums, 1 / p)


def _away_from_zero(x: Tensor, exponent: float) -> Tensor:
    # The slope of a root at 0 is infinite, and times 0 no number: 0 gets none. What `where` discards needs a slope too.
    zero = x == 0
    return torch.where(zero, 0, torch.where(zero, 1, x).pow(exponent))
