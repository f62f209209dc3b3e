"""From the arguments of a convolution to what computes it, found again by one look."""

from collections.abc import Sequence
from marshal import dumps
from typing import Any, Final

import torch
from torch import Tensor

from striate.engine.by_torch import misfit
from striate.engine.choice import chosen
from striate.engine.convolve import Call
from striate.engine.core import core
from striate.engine.limits import limits
from striate.engine.plan import FORGET
from striate.engine.problem import Problem
from striate.errors import OptionError, ShapeError

__all__ = ["call_for", "keep", "known", "pair", "sides"]

_MOST: Final = 4096
_BYTES: Final = 2  # the last version of `marshal` whose bytes depend on nothing but what is written
_CALLS: Final[dict[Any, Call]] = {}
FORGET.append(_CALLS.clear)
_DOOR: Final[list[Any]] = []  # one of the core's, made when there is something to keep


def known(tensors: tuple[Tensor | None, ...], settings: tuple[Any, ...]) -> Call | None:
    """Give the call that was kept for such tensors and settings; None if none was, or if they are not for the core.

    All that `takes` asks, and `call_for`, is asked here at once, by the core: in Python it takes as long as a small
    layer.

    Args:
        tensors: The input, the weight, and what may be None.
        settings: As `conv2d` takes them.
    """
    return _DOOR[0].find(tensors, settings, chosen(), limits()) if _DOOR else None


def keep(call: Call, tensors: tuple[Tensor | None, ...], settings: tuple[Any, ...]) -> None:
    """Have `known` find a call from now on, until plans are forgotten."""
    if not _DOOR:
        _DOOR.append(core().Door())
        FORGET.append(_DOOR[0].clear)
    _DOOR[0].keep(call, tensors, settings, chosen(), limits())


def call_for(
    input: Sequence[int],
    weight: Sequence[int],
    settings: tuple[Any, Any, Any, int],
    *,
    bias: Sequence[int] | None = None,
    residual: Sequence[int] | None = None,
    relu: bool = False,
    channels_last: bool,
    packed_anew: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Call | None:
    """Find, or plan, what computes a convolution.

    Args:
        input: The input's shape, `N C H W`.
        weight: The weight's, `K C/groups R S`.
        settings: Stride, padding, dilation and groups, as `conv2d` takes them.
        bias: The bias's shape, if there is one.
        residual: The shape of what is added to the output, if anything is.
        relu: Whether the output is rectified.
        channels_last: Whether results are to lie so in memory.
        packed_anew: Whether the weight changes from call to call.
        dtype: Of all numbers.

    Returns:
        None if there is nothing to compute, or nothing that this is: then PyTorch's own function says so.

    Raises:
        ShapeError: Sizes do not fit together.
        OptionError: Settings are no numbers; or the algorithm that is forced cannot compute this.
    """
    beside = (bias, residual, relu, channels_last, packed_anew, dtype)
    try:
        # Settings by their bytes, which lists have as well: 1 and 1.0 are equal, but only the first is a size.
        key = (input, weight, dumps(settings, _BYTES), beside, torch.get_num_threads(), chosen(), limits())
        found = _CALLS.get(key)
    except (TypeError, ValueError):  # sizes in a list, settings of a class that has no bytes
        lying: Any = {"channels_last": channels_last, "packed_anew": packed_anew, "dtype": dtype}
        added = [None if shape is None else tuple(shape) for shape in (bias, residual)]
        sizes, written = (tuple(input), tuple(weight)), _written(settings, weight)
        return call_for(*sizes, written, bias=added[0], residual=added[1], relu=relu, **lying)
    if found is not None:
        return found
    if len(_CALLS) >= _MOST:
        _CALLS.clear()
    made = _made(input, weight, settings, *beside)
    if made is not None:
        _CALLS[key] = made
    return made


def _written(settings: tuple[Any, Any, Any, int], weight: Sequence[int]) -> tuple[Any, Any, Any, int]:
    stride, padding, dilation, groups = settings
    around = padding if isinstance(padding, str) else tuple(map(int, sides(padding, weight, dilation)))
    down, across = (tuple(map(int, pair(name, sizes))) for name, sizes in (("stride", stride), ("dilation", dilation)))
    return down, around, across, int(_whole("groups", groups))


def _made(
    input: Sequence[int],
    weight: Sequence[int],
    settings: tuple[Any, Any, Any, int],
    bias: Sequence[int] | None,
    residual: Sequence[int] | None,
    relu: bool,
    channels_last: bool,
    packed_anew: bool,
    dtype: torch.dtype,
) -> Call | None:
    if len(input) != 4 or len(weight) != 4 or 0 in input or 0 in weight:
        return None
    stride, padding, dilation, groups = settings
    if padding == "same" and pair("stride", stride) != (1, 1):
        return None
    problem = Problem.of(
        input,
        weight,
        stride=pair("stride", stride),
        padding=sides(padding, weight, dilation),
        dilation=pair("dilation", dilation),
        groups=_whole("groups", groups),
        bias=bias is not None,
        residual=residual is not None,
        relu=relu,
        channels_last=channels_last,
        packed_anew=packed_anew,
        dtype=dtype,
    )
    if bias is not None and tuple(bias) != problem.kernels[:1]:
        raise ShapeError(
            "conv2d: bias does not fit the kernels.",
            f"Pass one number for each: {problem.kernels[:1]}.",
            bias=tuple(bias),
            weight=tuple(weight),
        )
    if residual is not None and tuple(residual) != problem.output:
        raise misfit(residual, problem.output)
    return Call(problem, torch.get_num_threads(), chosen(), limits())


def pair(name: str, sizes: Any) -> tuple[int, int]:
    """Write a setting for both axes, down and across.

    Raises:
        OptionError: It is neither a whole number nor two of them.

    Example:
        >>> pair("stride", 2), pair("stride", [1, 2])
        ((2, 2), (1, 2))
    """
    listed = tuple(sizes) if isinstance(sizes, Sequence) else (sizes,)
    listed = listed * 2 if len(listed) == 1 else listed
    if len(listed) != 2 or not all(hasattr(size, "__index__") for size in listed):
        raise OptionError(
            f"conv2d: {name} is neither a whole number nor two of them.",
            "Give one for both axes, or one for each.",
            **{name: repr(sizes)},
        )
    return listed[0], listed[1]


def _whole(name: str, size: Any) -> int:
    if not hasattr(size, "__index__"):
        raise OptionError(f"conv2d: {name} is no whole number.", "Give one.", **{name: repr(size)})
    return size


def sides(padding: Any, weight: Sequence[int], dilation: Any) -> tuple[int, int, int, int]:
    """Write padding for every side: above, below, left, right.

    Args:
        padding: A number, one each down and across, one for each side, 'valid' or 'same'.
        weight: The weight's shape, for 'same'.
        dilation: Likewise.

    Raises:
        ShapeError: It is negative, and not given for each side.
        OptionError: It is nothing of these.

    Example:
        >>> sides("same", (1, 1, 4, 3), 1), sides(2, (1, 1, 4, 3), 1)
        ((1, 2, 1, 1), (2, 2, 2, 2))
    """
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise OptionError("conv2d: no padding has this name.", "Choose 'same' or 'valid'.", padding=repr(padding))
        reach = [step * (taps - 1) for step, taps in zip(pair("dilation", dilation), weight[2:], strict=True)]
        down, across = reach if padding == "same" else (0, 0)
        return down // 2, down - down // 2, across // 2, across - across // 2
    if isinstance(padding, Sequence) and len(padding) == 4:
        top, bottom, left, right = (_whole("padding", side) for side in padding)
        return top, bottom, left, right
    down, across = pair("padding", padding)
    if down < 0 or across < 0:
        raise ShapeError(
            "conv2d: padding is negative.",
            "Give 0 or more; to cut the input, say how much on each side: above, below, left, right.",
            padding=padding,
        )
    return down, down, across, across
