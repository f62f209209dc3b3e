"""Both passes of a depthwise-separable convolution at once: what the first makes never leaves the cache."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from math import prod
from typing import Final, NamedTuple

import torch
from jaxtyping import Num
from torch import Tensor

from striate.engine import memory
from striate.engine.calls import pair
from striate.engine.choice import Choice, chosen
from striate.engine.conv2d import takes
from striate.engine.convolve import scratch_at
from striate.engine.core import core
from striate.engine.estimate import MOVE, seconds
from striate.engine.layout import laid
from striate.engine.limits import Limits, limits
from striate.engine.packed import Form, form, packed
from striate.engine.plain import lies_last
from striate.engine.plan import FORGET, planned
from striate.engine.problem import Problem

__all__ = ["depthwise_separable"]

# Seconds that a number between the passes takes to be written and read again; and how many stay near if they are.
_AWAY: Final = 0.3e-9
_NEAR: Final = 1 << 20


class _Fused(NamedTuple):
    first: Problem
    second: Problem
    places: tuple[int, int]
    forms: tuple[Form, Form]
    scratch_bytes: int
    threads: int

    def __call__(
        self, input: Tensor, depthwise: Tensor, pointwise: Tensor, bias: Tensor | None, *, last: bool
    ) -> Tensor:
        x = laid(input, channels_last=True, threads=self.threads)
        kernels = [packed(w, form, self.threads) for w, form in zip((depthwise, pointwise), self.forms, strict=True)]
        bias = None if bias is None else bias.contiguous()
        output = memory.images(self.second.output, torch.channels_last)
        core().depthwise_separable(
            self.places,
            self.first.handle,
            self.second.handle,
            kernels[0].data_ptr(),
            kernels[1].data_ptr(),
            x.data_ptr(),
            0 if bias is None else bias.data_ptr(),
            output.data_ptr(),
            scratch_at(self.scratch_bytes),
            self.threads,
        )
        return laid(output, channels_last=last, threads=self.threads)


def depthwise_separable(
    input: Num[Tensor, "N C H W"],
    depthwise: Num[Tensor, "CM 1 R S"],
    pointwise: Num[Tensor, "K CM 1 1"],
    bias: Num[Tensor, "*Kb"] | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> Num[Tensor, "N K P Q"] | None:
    """Convolve each channel, then mix them, some rows at a time; the bits are those of one pass after the other.

    Only where no gradients are recorded, since these need what is between; where a channel has one kernel; where no
    algorithm is asked for by name; and where the two passes of the core are expected to be faster than any two others.

    Args:
        input: Images.
        depthwise: Kernels of the first pass.
        pointwise: Of the second.
        bias: One number per output channel.
        stride: Of the first pass, down and across.
        padding: Zeros above, below, left and right.
        dilation: Of the first pass.

    Returns:
        None where it is not to be: then one pass after the other computes it.

    Example:
        >>> x, kernels, mixture = torch.ones(1, 4, 8, 8), torch.ones(4, 1, 3, 3), torch.ones(8, 4, 1, 1)
        >>> settings = (1, 1), (1, 1, 1, 1), (1, 1)
        >>> depthwise_separable(x.double(), kernels.double(), mixture.double(), None, *settings) is None
        True
    """
    tensors = (input, depthwise, pointwise, bias)
    recorded = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)
    if recorded or torch.compiler.is_compiling() or input.dtype is not torch.float32 or not takes(*tensors):
        return None
    offsets = bias is None or bias.shape == pointwise.shape[:1]
    if 0 in (*input.shape, *pointwise.shape) or input.shape[1] != depthwise.shape[0] or not offsets:
        return None
    last = lies_last(input, depthwise) or lies_last(pointwise, pointwise)  # as of one pass after the other
    settings = (pair("stride", stride), tuple(padding), pair("dilation", dilation))
    sizes = (tuple(input.shape), tuple(depthwise.shape), tuple(pointwise.shape))
    fused = _fused(*sizes, settings, bias is not None, last, torch.get_num_threads(), chosen(), limits())
    return None if fused is None else fused(input, depthwise, pointwise, bias, last=last)


@lru_cache(maxsize=4096)
def _fused(
    input: tuple[int, int, int, int],
    depthwise: tuple[int, int, int, int],
    pointwise: tuple[int, int, int, int],
    settings: tuple[tuple[int, int], tuple[int, int, int, int], tuple[int, int]],
    bias: bool,
    last: bool,
    threads: int,
    asked: Choice,
    most: Limits,
) -> _Fused | None:
    """Prepare it; None where one pass after the other is expected to be faster, or is asked for."""
    if asked.forced or asked.locked is not None:
        return None
    stride, padding, dilation = settings
    first = Problem.of(input, depthwise, stride=stride, padding=padding, dilation=dilation, groups=input[1])
    second = Problem.of(first.output, pointwise, bias=bias)
    passes = (first, second)
    names = core().algorithms()
    places = (names.index("depthwise"), names.index("pointwise"))
    scratch_bytes = core().depthwise_separable_scratch_bytes(first.handle, threads)
    if scratch_bytes > most.workspace_bytes:
        return None
    between = prod(first.output)
    together = sum(seconds(place, one, threads) for place, one in zip(places, passes, strict=True))
    together += 0.0 if last else MOVE * (prod(input) + prod(second.output)) / threads
    together -= _AWAY * max(0, between - _NEAR) / threads
    plans = [planned(replace(one, channels_last=last), threads, asked, most) for one in passes]
    apart = sum(c.seconds or 0.0 for plan in plans for c in plan.candidates if c.algorithm == plan.algorithm)
    # Of ours the bits must not depend on the batch, as the time does.
    same = [plan.algorithm for plan in plans] == [names[place] for place in places]
    if together > apart or not (asked.torch or same):
        return None
    forms = (form(places[0], first), form(places[1], second))
    return _Fused(first, second, places, forms, scratch_bytes, threads)


FORGET.append(_fused.cache_clear)
