"""Convolution with shared kernels: one kernel slides over all positions.

The axis letters are defined in `ops/geometry.py`.
"""

from collections.abc import Sequence
from marshal import dumps
from typing import Any, Final, TypeAlias, cast

import torch
from jaxtyping import Num
from torch import Tensor

from striate import engine
from striate.engine import convnd
from striate.ops.geometry import Padding, Sides, Sizes, Window
from striate.ops.operands import add_bias, check_bias, check_input, check_weight, lowered
from striate.ops.padding import PaddingMode, check_mode, pad

__all__ = ["conv1d", "conv2d", "conv3d"]

_Settings: TypeAlias = tuple[Any, Any, Any, int, str]  # stride, padding, dilation, groups, padding mode
_Steps: TypeAlias = tuple[tuple[int, ...], Sides, tuple[int, ...]]  # stride, sides, dilation

_MOST: Final = 4096
_FITTED: Final[dict[Any, _Steps]] = {}
_BYTES: Final = 2  # the last version of `marshal` whose bytes depend on nothing but what is written


def conv1d(
    input: Num[Tensor, "*N C T"],
    weight: Num[Tensor, "K Cg S"],
    bias: Num[Tensor, "*Kb"] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    flip: bool = False,
) -> Num[Tensor, "*N K Q"]:
    """Slide kernels over sequences and sum the products; everything as in `conv2d`, with one spatial axis.

    Source:
        Goodfellow, Bengio and Courville, "Deep Learning", MIT Press 2016, section 9.1.

    Example:
        >>> import torch
        >>> conv1d(torch.arange(5.0)[None], torch.tensor([[[-1.0, 0.0, 1.0]]]))
        tensor([[2., 2., 2.]])
    """
    return _conv("conv1d", 1, input, weight, bias, (stride, padding, dilation), groups, padding_mode, flip)


def conv2d(
    input: Num[Tensor, "*N C H W"],
    weight: Num[Tensor, "K Cg R S"],
    bias: Num[Tensor, "*Kb"] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    flip: bool = False,
) -> Num[Tensor, "*N K P Q"]:
    """Slide kernels over images and sum the products.

        out[n, k, p, q] = Σ_{c, r, s} weight[k, c, r, s] · input[n, c, p·stride + r·dilation, q·stride + s·dilation]

    This is cross-correlation: as in every CNN paper, the kernel is not flipped, unless asked for.

    Args:
        input: Input, with or without the axis of examples.
        weight: Kernels, one for every output channel; `Cg` is `C / groups`.
        bias: One number per output channel, `(K,)`, or per location, `(K, P, Q)`.
        stride: Input samples from one position to the next.
        padding: Input samples added on each side: a number, one for each axis, or a pair (before, after) for each;
            'valid' adds none; 'same' as few as give `ceil(size / stride)` positions, the odd one last; 'full' as many
            as let every tap meet every sample.
        dilation: Input samples from one tap to the next.
        groups: Blocks into which the channels are split; `C` makes it depthwise.
        padding_mode: What the added samples are: 'zeros', 'reflect', 'replicate' (the edge) or 'circular'.
        flip: Whether to flip the kernel, which makes it the convolution of mathematics and signal processing.

    Returns:
        `P = (H + before + after - dilation * (R - 1) - 1) // stride + 1`; `Q` likewise.

    Raises:
        ShapeError: Channels, groups, bias or sizes do not fit.
        OptionError: There is no such padding.
        DtypeError: Input and weight are of different dtypes.

    Source:
        LeCun et al., "Gradient-based learning applied to document recognition", Proc. IEEE 86 (1998), section II.A;
        Goodfellow, Bengio and Courville, "Deep Learning", MIT Press 2016, equations 9.6 and 9.8.

    Example:
        >>> import torch
        >>> conv2d(torch.zeros(1, 3, 224, 224), torch.zeros(96, 3, 7, 7), stride=2, padding=1).shape
        torch.Size([1, 96, 110, 110])
        >>> conv2d(torch.zeros(1, 3, 7, 7), torch.zeros(8, 3, 3, 3), stride=2, padding="same").shape
        torch.Size([1, 8, 4, 4])
    """
    return _conv("conv2d", 2, input, weight, bias, (stride, padding, dilation), groups, padding_mode, flip)


def conv3d(
    input: Num[Tensor, "*N C D H W"],
    weight: Num[Tensor, "K Cg Z R S"],
    bias: Num[Tensor, "*Kb"] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    flip: bool = False,
) -> Num[Tensor, "*N K O P Q"]:
    """Slide kernels over volumes or video and sum the products; everything as in `conv2d`, with three spatial axes.

    Source:
        Goodfellow, Bengio and Courville, "Deep Learning", MIT Press 2016, section 9.1.

    Example:
        >>> import torch
        >>> conv3d(torch.zeros(1, 1, 8, 9, 10), torch.zeros(4, 1, 3, 3, 3), padding=[(0, 2), 1, 1]).shape
        torch.Size([1, 4, 8, 9, 10])
    """
    return _conv("conv3d", 3, input, weight, bias, (stride, padding, dilation), groups, padding_mode, flip)


def _conv(
    caller: str,
    rank: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    steps: tuple[Sizes, Padding, Sizes],
    groups: int,
    padding_mode: str,
    flip: bool,
) -> Tensor:
    input, weight, bias = cast("tuple[Tensor, Tensor, Tensor | None]", lowered(input, weight, bias))
    stride, sides, dilation = _fitted(caller, rank, input, weight, bias, (*steps, groups, padding_mode))
    if padding_mode != "zeros":
        input, sides = pad(caller, input, sides, padding_mode), ((0, 0),) * rank
    weight = weight.flip(tuple(range(2, 2 + rank))) if flip else weight
    shared = bias if bias is None or bias.ndim == 1 else None
    output = _convolved(input, weight, shared, stride, sides, dilation, groups)
    return output if shared is bias else add_bias(output, bias, rank)


def _fitted(caller: str, rank: int, input: Tensor, weight: Tensor, bias: Tensor | None, settings: _Settings) -> _Steps:
    """Check that all fits together and write out the steps; what has fitted before is found again by one look."""
    if torch.compiler.is_compiling() or torch._C._is_tracing():  # whose sizes are no numbers
        return _fit(caller, rank, input, weight, bias, settings)
    offsets = bias if bias is None else (bias.shape, bias.dtype)
    try:
        # Settings by their bytes, which lists have as well: 1, 1.0 and True are equal, but only the first is a size.
        key = (caller, rank, input.shape, input.dtype, weight.shape, weight.dtype, offsets, dumps(settings, _BYTES))
        found = _FITTED.get(key)
    except (TypeError, ValueError):  # sizes that are symbols, settings of a class that has no bytes
        key = found = None
    if found is not None:
        return found
    fitted = _fit(caller, rank, input, weight, bias, settings)
    if key is not None:
        if len(_FITTED) >= _MOST:
            _FITTED.clear()
        _FITTED[key] = fitted
    return fitted


def _fit(caller: str, rank: int, input: Tensor, weight: Tensor, bias: Tensor | None, settings: _Settings) -> _Steps:
    stride, padding, dilation, groups, padding_mode = settings
    check_weight(caller, rank, weight, groups)
    check_input(caller, rank, input, weight, channels=weight.shape[1] * groups)
    check_mode(caller, padding_mode)
    window = Window.of(caller, rank, kernel_size=weight.shape[2:], stride=stride, padding=padding, dilation=dilation)
    size = input.shape[-rank:]
    check_bias(caller, bias, weight.shape[0], window.fitted(caller, size), dtype=weight.dtype)
    return window.stride, window.sides(size), window.dilation


def _convolved(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    sides: Sides,
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    """Convolve with zeros around, by the engine."""
    if len(sides) == 2:
        return engine.conv2d(input, weight, bias, stride, (*sides[0], *sides[1]), dilation, groups)
    return convnd.conv(input, weight, bias, stride, sides, dilation, groups)
