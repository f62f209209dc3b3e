"""Convolution along one axis or three: slice by slice, by Fourier transforms, or by PyTorch.

By what each is expected to take. Two axes have all of the engine: `conv2d`.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import inf, prod

import torch
from torch import Tensor

from striate.engine import by_torch
from striate.engine.along import Along
from striate.engine.by_fourier import FFT
from striate.engine.choice import TORCH, Choice, chosen
from striate.engine.conv2d import takes
from striate.engine.differentiate import convolved
from striate.engine.estimate import fourier_seconds, torch_seconds_of
from striate.engine.fourier import Fourier
from striate.engine.limits import Limits, limits
from striate.engine.narrow import is_narrow, wide
from striate.engine.plan import FORGET
from striate.engine.slices import Slices
from striate.errors import OptionError

__all__ = ["conv", "refuses"]


def conv(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    sides: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    """Convolve along one axis or three; differentiable.

    Args:
        input: `N C` and the axes, or without `N`.
        weight: `K C/groups` and the taps along each.
        bias: One number per output channel.
        stride: Along each axis.
        sides: Zeros before and after, along each axis; negative ones cut.
        dilation: Along each axis.
        groups: Blocks into which the channels are split.

    Example:
        >>> conv(torch.ones(1, 1, 5), torch.ones(1, 1, 3), None, (1,), [(1, 0)], (1,), 1)
        tensor([[[2., 3., 3., 3.]]])
    """
    if input.dim() == weight.dim() and takes(input, weight, bias) and not torch.compiler.is_compiling():
        settings = (tuple(stride), tuple(sides), tuple(dilation), groups)
        lying = (_lies_last(input) or _lies_last(weight), weight.requires_grad and torch.is_grad_enabled(), input.dtype)
        call = _planned(input.shape, weight.shape, settings, *lying, torch.get_num_threads(), chosen(), limits())
        if call is not None:
            return convolved(call, input, weight, bias)
    if is_narrow(input, weight, bias):
        offsets = None if bias is None else bias.float()
        with torch.autocast("cpu", enabled=False):
            output = conv(input.float(), wide(weight), offsets, stride, sides, dilation, groups)
        return output.to(input.dtype)
    padding = [n for side in sides for n in side]
    return by_torch.convolve(input, weight, bias, stride, padding, dilation, groups)


def refuses(of: Fourier, threads: int, asked: Choice, most: Limits, *, again: bool = False) -> str:
    """Say why transforms do not compute a convolution; "" if they do.

    Args:
        of: It.
        threads: That share it.
        asked: What is asked of the choice of algorithms.
        most: The limits of memory.
        again: Whether the weight changes from call to call.

    Example:
        >>> of = Fourier((1, 1, 1000), (1, 1, 3), ((1, 1),), (1,), 1)
        >>> refuses(of, 1, Choice(), Limits())
        'PyTorch is expected to be faster'
    """
    if asked.forced == FFT:
        return ""
    reasons = {
        "another algorithm is asked for": lambda: bool(asked.forced),
        f"it is not as exact as {asked.accuracy!r}": lambda: not asked.allows(FFT),
        "its workspace is over the limit": lambda: of.workspace_bytes(threads) > most.workspace_bytes,
        "its packed weights are over the limit": lambda: of.dtype.itemsize * of.prepared > most.packed_bytes,
        "PyTorch is expected to be faster": lambda: _torchs(of, threads) < fourier_seconds(of, threads, again=again),
    }
    return next((reason for reason, holds in reasons.items() if holds()), "")


@lru_cache(maxsize=4096)
def _planned(
    input: tuple[int, ...],
    weight: tuple[int, ...],
    settings: tuple[tuple[int, ...], tuple[tuple[int, int], ...], tuple[int, ...], int],
    last: bool,
    again: bool,
    dtype: torch.dtype,
    threads: int,
    asked: Choice,
    most: Limits,
) -> Along | Slices | None:
    stride, sides, dilation, groups = settings
    slices = Slices(input, weight, stride, sides, dilation, groups, last, threads, asked, most, dtype)
    fits = input[1] == weight[1] * groups and weight[0] % groups == 0
    if 0 in (*input, *weight) or not fits or min(slices.output) < 1:
        return None
    if asked.locked is not None and not asked.forced:
        return None  # nothing is measured of these
    if asked.forced == FFT and max(stride) > 1:
        raise OptionError(
            "conv: algorithm 'fft' cannot compute this.",
            "Leave the choice to the planner.",
            reason="its stride is not 1",
            input=input,
            weight=weight,
        )
    ours = inf if asked.forced == FFT else slices.seconds()
    if max(stride) == 1:
        found = Fourier(input, weight, sides, dilation, groups, dtype)
        if not refuses(found, threads, asked, most, again=again) and (
            fourier_seconds(found, threads, again=again) < ours
        ):
            return Along(found, threads)
    if asked.forced == TORCH:
        return None
    if ours == inf:
        if asked.torch:
            return None
        raise OptionError(
            "conv: every algorithm declines, and PyTorch's own is left out.",
            "Raise engine.limit, or compute it outside of engine.reproducible().",
            input=input,
            weight=weight,
        )
    return slices if asked.forced or not asked.torch or ours < _torchs(slices, threads, last=last) else None


def _torchs(of: Fourier | Slices, threads: int, *, last: bool = False) -> float:
    return torch_seconds_of(of.weight, of.groups, (prod(of.input), prod(of.output)), threads, last=last, dtype=of.dtype)


FORGET.append(_planned.cache_clear)


def _lies_last(volumes: Tensor) -> bool:
    last = torch.channels_last_3d
    return volumes.dim() == 5 and volumes.is_contiguous(memory_format=last) and not volumes.is_contiguous()
