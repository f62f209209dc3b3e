"""Convolution along one axis or three: slice by slice, by Fourier transforms, or by PyTorch.

By what each is expected to take. Two axes have all of the engine: `conv2d`.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from striate.engine import by_torch
from striate.engine.choice import Choice, chosen
from striate.engine.conv2d import takes
from striate.engine.differentiate import convolved
from striate.engine.limits import Limits, limits
from striate.engine.narrow import is_narrow, wide
from striate.engine.plan import FORGET
from striate.engine.volume import VolumeProblem
from striate.engine.ways import Ways

__all__ = ["conv"]


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
        sizes = (tuple(input.shape), tuple(weight.shape), tuple(stride), tuple(sides), tuple(dilation), groups)
        anew = weight.requires_grad and torch.is_grad_enabled()
        lying = (_lies_last(input) or _lies_last(weight), anew, input.dtype)
        if VolumeProblem.fit(*sizes):
            problem = VolumeProblem(*sizes, "forward", *lying)
            return convolved(_ways(problem, torch.get_num_threads(), chosen(), limits()), input, weight, bias)
    if is_narrow(input, weight, bias):
        offsets = None if bias is None else bias.float()
        with torch.autocast("cpu", enabled=False):
            output = conv(input.float(), wide(weight), offsets, stride, sides, dilation, groups)
        return output.to(input.dtype)
    padding = [n for side in sides for n in side]
    return by_torch.convolve(input, weight, bias, stride, padding, dilation, groups)


@lru_cache(maxsize=4096)
def _ways(problem: VolumeProblem, threads: int, asked: Choice, most: Limits) -> Ways:
    return Ways(problem, threads, asked, most)


FORGET.append(_ways.cache_clear)


def _lies_last(volumes: Tensor) -> bool:
    last = torch.channels_last_3d
    return volumes.dim() == 5 and volumes.is_contiguous(memory_format=last) and not volumes.is_contiguous()
