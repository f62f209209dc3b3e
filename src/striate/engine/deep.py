"""Convolution of volumes by kernels of several planes at once: each slice is transformed once, not once a plane.

The core sums over the planes what it has of each slice, before it is transformed back; see `core/isa/winograd_deep.h`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import torch
from torch import Tensor

from striate.engine import memory
from striate.engine.convolve import run_of, scratch_at
from striate.engine.core import core
from striate.engine.packed import Form, packed
from striate.engine.parts import parts
from striate.engine.problem import Direction, Problem

__all__ = ["Deep", "Stack"]

Stack = tuple[int, int, int, int, int]
"""Volumes; slices of each that are read, and that are written; planes; slices of zeros before the first."""

_LAST: Final = torch.channels_last


@dataclass(frozen=True)
class Deep:
    """A convolution of slices, forward or back.

    Args:
        image: That of one slice by one plane, forward.
        direction: What is computed: the output, or the gradient with respect to the input.
        place: Of the algorithm in the core's table.
        stack: What is computed of volumes.
        threads: That share it.
    """

    image: Problem
    direction: Direction
    place: int
    stack: Stack
    threads: int

    @property
    def declined(self) -> str | None:
        """Say why the core cannot take all planes at once; None where it can."""
        if self.direction == "input gradient" and len(parts(self.image)) > 1:
            return "back it is one convolution for each phase of the stride"
        return core().deep_refuses(self.place, self._slice.handle, self.stack)

    @property
    def workspace_bytes(self) -> int:
        """Count the bytes that are kept meanwhile."""
        return core().deep_workspace_bytes(self.place, self._slice.handle, self.stack, self.threads)

    @cached_property
    def _slice(self) -> Problem:
        one = parts(self.image)[0].problem if self.direction == "input gradient" else self.image
        return one or self.image

    @cached_property
    def _forms(self) -> list[Form]:
        """Say how each plane is packed, in the order in which they meet the slices: back, that is turned round."""
        back = self.direction == "input gradient"
        taps = parts(self.image)[0].taps if back else None
        planes = range(self.stack[3])
        return [
            run_of(self.place, self._slice, self.threads, taps, plane=plane).form
            for plane in (reversed(planes) if back else planes)
        ]

    def __call__(self, slices: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Convolve a stack of images whose channels lie side by side; give one that lies so too."""
        volumes, _, positions, *_ = self.stack
        numbers = [packed(weight, each, self.threads) for each in self._forms]
        bias = bias if bias is None else bias.contiguous()
        _, *sizes = self._slice.output
        output = memory.images((volumes * positions, *sizes), _LAST, slices.dtype)
        core().run_deep(
            self.place,
            self._slice.handle,
            self.stack,
            slices.data_ptr(),
            [each.data_ptr() for each in numbers],
            0 if bias is None else bias.data_ptr(),
            output.data_ptr(),
            scratch_at(self.workspace_bytes),
            self.threads,
        )
        return output
