"""Convolution of volumes and of sequences, made of convolutions of images by the core.

A volume is a stack of images: each plane of a kernel convolves the slices that it meets, and what comes of it is added
to the output's slices where they lie; or all planes do at once, where what they need fits into a cache. A sequence is
an image of one row. So both have every algorithm that images have, Winograd's and the depthwise ones among them, and
their gradients.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil, floor, inf, prod
from typing import Any, Final, NamedTuple, cast

import torch
from torch import Tensor

from striate.engine import by_torch, memory
from striate.engine.by_fourier import FFT
from striate.engine.choice import NOT_OURS, Choice
from striate.engine.convolve import Run, run_of, scratch_at
from striate.engine.core import core
from striate.engine.deep import Deep
from striate.engine.estimate import deep_seconds
from striate.engine.layout import laid
from striate.engine.limits import Limits
from striate.engine.packed import plane
from striate.engine.parts import parts
from striate.engine.plan import FORGET, planned
from striate.engine.problem import Direction, Problem
from striate.errors import OptionError

__all__ = ["Slices"]

_LAST: Final = torch.channels_last
_NUMBER: Final = 1.0e-9  # seconds of one thread to read a number, and write it elsewhere
_CALL: Final = 30e-6  # seconds of a call, and of a pass beyond what an image's convolution is estimated to take
_PASS: Final = 8e-6


class _Pass(NamedTuple):
    """What one plane of the kernels does: so many slices of the input, from `input` on, to as many of the output."""

    plane: int
    input: int
    output: int
    slices: int


class _Chosen(NamedTuple):
    place: int
    seconds: float


class _Step(NamedTuple):
    """A pass, or one phase of its way back: what is read, what is written or added to, by which run; None for zeros."""

    from_: slice
    to: slice
    add: bool
    run: Run | None
    places: tuple[slice, slice] = (slice(None), slice(None))


class _Sum(NamedTuple):
    """A pass's part of the weight's gradient."""

    one: _Pass
    place: int
    handle: Any
    workspace_bytes: int


@dataclass(frozen=True)
class Slices:
    """A convolution along one axis or three, and its gradients, as `differentiate` calls them.

    Args:
        input: `N C` and the size along each axis.
        weight: `K C/groups` and the taps along each.
        stride: Along each axis.
        sides: Zeros before and after, along each axis; negative ones cut.
        dilation: Along each axis.
        groups: Blocks into which the channels are split.
        channels_last: Whether results are to lie so in memory; sequences never do.
        threads: That share it.
        asked: What is asked of the choice of algorithms.
        most: The limits of memory.
        dtype: Of all numbers.
    """

    input: tuple[int, ...]
    weight: tuple[int, ...]
    stride: tuple[int, ...]
    sides: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int
    channels_last: bool
    threads: int
    asked: Choice
    most: Limits
    dtype: torch.dtype = torch.float32

    rectifies = False

    @property
    def problem(self) -> "Slices":
        """Its sizes."""
        return self

    @property
    def bare(self) -> "Slices":
        """The same, and nothing is done to the sums."""
        return self

    @cached_property
    def settings(self) -> tuple[tuple[int, ...], list[int], tuple[int, ...], int]:
        """Stride, zeros on each side, dilation and groups."""
        return self.stride, [n for side in self.sides for n in side], self.dilation, self.groups

    @property
    def output(self) -> tuple[int, ...]:
        """`N K`, and the positions along each axis."""
        positions = (
            (size + sum(around) - step * (taps - 1) - 1) // stride + 1
            for size, around, step, taps, stride in zip(
                self.input[2:], self.sides, self.dilation, self.weight[2:], self.stride, strict=True
            )
        )
        return (self.input[0], self.weight[0], *positions)

    def torch_records(self, *, of_input: bool = True, of_weight: bool = True) -> bool:
        """Tell that PyTorch's own convolution computes nothing of it."""
        return False

    @cached_property
    def _passes(self) -> tuple[_Pass, ...]:
        """All of a stack of slices; the planes that meet most of them come first."""
        size, count = self._stack("input"), self._stack("output")
        if self._flat:
            return (_Pass(0, 0, 0, count),)
        stride, (before, _), step = self.stride[0], self.sides[0], self.dilation[0]
        found: list[_Pass] = []
        for index in range(self.weight[2]):
            shift = index * step - before
            begin, end = max(0, ceil(-shift / stride)), min(count, floor((size - 1 - shift) / stride) + 1)
            if stride == 1 and begin < end:
                found.append(_Pass(index, begin + shift, begin, end - begin))
            else:
                found.extend(_Pass(index, at * stride + shift, at, 1) for at in range(begin, end))
        return tuple(sorted(found, key=lambda one: -one.slices))

    @cached_property
    def _flat(self) -> bool:
        """Whether slices have nothing to do with each other: then all of a batch are one stack."""
        return len(self.weight) == 3 or (self.weight[2] == self.stride[0] == 1 and self.sides[0] == (0, 0))

    def _stack(self, of: str) -> int:
        """Count the slices that are taken together."""
        n, _, *axes = self.input if of == "input" else self.output
        slices = 1 if len(axes) == 1 else axes[0]
        return n * slices if self._flat else slices

    @cached_property
    def _stacks(self) -> int:
        return 1 if self._flat else self.input[0]

    def _image(self, count: int) -> Problem:
        """Give the convolution of so many slices with one plane."""
        (h, w), (r, s) = _last_two(self.input[2:]), _last_two(self.weight[2:])
        around = _last_two(self.sides, (0, 0))
        return Problem.of(
            (count, self.input[1], h, w),
            (*self.weight[:2], r, s),
            stride=_last_two(self.stride),
            padding=(*around[0], *around[1]),
            dilation=_last_two(self.dilation),
            groups=self.groups,
            channels_last=True,
            dtype=self.dtype,
        )

    def _choose(self, direction: Direction, count: int) -> _Chosen | None:
        return _choose(self._image(count).turned(direction), self.threads, self.asked, self.most)

    def seconds(self, direction: Direction = "forward") -> float:
        """Estimate a direction: its passes, what they read again, and other layouts; infinite if it is not ours."""
        moved = 0 if self.channels_last else prod(self.input) + prod(self.output)
        at_once = self._deep_of(direction)
        if at_once is not None:
            packs = direction == "input gradient"
            work = deep_seconds(at_once.place, at_once.image.turned(direction), at_once.stack, packs=packs)
            return _CALL + (work + _NUMBER * moved) / self.threads
        chosen = [self._choose(direction, one.slices) for one in self._passes]
        if not all(chosen):
            return inf
        passes = self._stacks * sum(one.seconds + _PASS for one in chosen if one is not None)
        return _CALL + passes + _NUMBER * (self._added_again(direction) + moved) / self.threads

    def _added_again(self, direction: Direction) -> float:
        """Count the numbers of a result that are read again, for another pass to be added."""
        if direction == "weight gradient":
            planes = 1 if len(self.weight) == 3 else self.weight[2]
            return (self._stacks * len(self._passes) / planes - 1) * prod(self.weight)
        end, whole = ("output", self.output) if direction == "forward" else ("input", self.input)
        return max(0.0, sum(one.slices for one in self._passes) / self._stack(end) - 1) * prod(whole)

    def _deep_of(self, direction: Direction) -> Deep | None:
        return {"forward": self._deep, "input gradient": self._deep_back}.get(direction)

    @cached_property
    def _deep(self) -> Deep | None:
        return self._at_once("forward")

    @cached_property
    def _deep_back(self) -> Deep | None:
        return self._at_once("input gradient")

    def _at_once(self, direction: Direction) -> Deep | None:
        """Give all planes at once, if they can be: one algorithm for all, and every slice is met by one."""
        if self._flat or self.stride[0] > 1 or self.dilation[0] > 1 or any(self._missed.values()):
            return None
        places = {one and one.place for one in (self._choose(direction, each.slices) for each in self._passes)}
        place = places.pop()
        if place is None or places:
            return None
        read, written, planes, front = self.input[2], self.output[2], self.weight[2], self.sides[0][0]
        if direction == "input gradient":
            read, written, front = written, read, planes - 1 - front
        found = Deep(self._image(1), direction, place, (self.input[0], read, written, planes, front), self.threads)
        able = found.declined is None and found.workspace_bytes <= self.most.workspace_bytes
        return found if able else None

    @cached_property
    def _forward(self) -> list[_Step]:
        return [
            _Step(
                *where,
                run_of(self._place("forward", one.slices), self._image(one.slices), self.threads, plane=one.plane),
            )
            for where, one in self._each("output")
        ]

    @cached_property
    def _backward(self) -> list[_Step]:
        found: list[_Step] = []
        for where, one in self._each("input"):
            place = self._place("input gradient", one.slices)
            for part in parts(self._image(one.slices)):
                run = part.problem and run_of(place, part.problem, self.threads, part.taps, plane=one.plane)
                found.append(_Step(*where, run or None, part.places))
        return found

    @cached_property
    def _weights(self) -> list[_Sum]:
        found: list[_Sum] = []
        for one in self._passes:
            place, problem = self._place("weight gradient", one.slices), self._image(one.slices)
            size_bytes = core().weight_gradient_workspace_bytes(place, problem.handle, self.threads)
            found.append(_Sum(one, place, problem.handle, size_bytes))
        return found

    def _place(self, direction: Direction, count: int) -> int:
        return cast("_Chosen", self._choose(direction, count)).place  # None only where `seconds` are infinite

    def forward(self, input: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor | None = None) -> Tensor:
        """Convolve."""
        from_ = self._slices(input)
        if self._deep is not None:
            return by_torch.finish(self._stacked(self._deep(from_, weight, bias), self.output), residual, relu=False)
        to = self._empty(self.output)
        for step in self._forward:
            if step.run is not None:
                step.run.into(to[step.to], from_[step.from_], weight, None if step.add else bias, add=step.add)
        if self._missed["output"]:
            to.unflatten(0, (self._stacks, -1))[:, self._missed["output"]] = (
                0.0 if bias is None else bias.detach()[:, None, None]
            )
        return by_torch.finish(self._stacked(to, self.output), residual, relu=False)

    def by_torch(self, input: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor | None = None) -> Tensor:
        """Convolve by PyTorch's own function."""
        return by_torch.finish(by_torch.convolve(input, weight, bias, *self.settings), residual, relu=False)

    def gradients(
        self, gradient: Tensor, input: Tensor, weight: Tensor, wanted: tuple[bool, bool]
    ) -> tuple[Tensor | None, Tensor | None]:
        """Give the gradients with respect to the input and to the weight, those that are wanted."""
        arriving = self._slices(gradient)
        of_input = self._input_gradient(arriving, weight) if wanted[0] else None
        return of_input, self._weight_gradient(arriving, self._slices(input), weight) if wanted[1] else None

    def _input_gradient(self, arriving: Tensor, weight: Tensor) -> Tensor:
        if self._deep_back is not None:
            return self._stacked(self._deep_back(arriving, weight), self.input)
        to = self._empty(self.input)
        if self._missed["input"]:
            to.unflatten(0, (self._stacks, -1))[:, self._missed["input"]] = 0.0
        for step in self._backward:
            places = to[step.to][:, :, *step.places]
            if step.run is not None:
                step.run.into(places, arriving[step.from_], weight, add=step.add)
            elif not step.add:
                places.zero_()
        return self._stacked(to, self.input)

    def _weight_gradient(self, arriving: Tensor, input: Tensor, weight: Tensor) -> Tensor:
        result = torch.zeros_like(weight)
        more, met = torch.empty_like(plane(result, 0)), set[int]()
        for stack in range(self._stacks):
            for one, place, handle, workspace_bytes in self._weights:
                to = more if one.plane in met else plane(result, one.plane)
                k, c, r, s = to.stride()
                images = input[stack * self._stack("input") + one.input :]
                gradients = arriving[stack * self._stack("output") + one.output :]
                addresses = (images.data_ptr(), gradients.data_ptr(), to.data_ptr())
                steps = (weight.shape[0] // self.groups * k, k, c, r, s)
                core().weight_gradient(place, handle, *addresses, steps, scratch_at(workspace_bytes), self.threads)
                if one.plane in met:
                    plane(result, one.plane).add_(more)
                met.add(one.plane)
        return result

    def _each(self, end: str) -> Iterator[tuple[tuple[slice, slice, bool], _Pass]]:
        """Give what is read and what is written of every pass, and whether to add: `end` is which end is written."""
        read = "input" if end == "output" else "output"
        for stack in range(self._stacks):
            written: set[int] = set()
            for whole in self._passes:
                for one in _split(whole, end, written):
                    first, place = (stack * self._stack(of) + getattr(one, of) for of in (read, end))
                    where = slice(first, first + one.slices), slice(place, place + one.slices)
                    yield (*where, getattr(one, end) in written), one
                written.update(range(getattr(whole, end), getattr(whole, end) + whole.slices))

    @cached_property
    def _missed(self) -> dict[str, list[int]]:
        """List the slices of a stack that no plane reaches, by the end at which they are."""
        ends = ("input", "output")
        met = {
            end: {at for one in self._passes for at in range(getattr(one, end), getattr(one, end) + one.slices)}
            for end in ends
        }
        return {end: [at for at in range(self._stack(end)) if at not in met[end]] for end in ends}

    def _empty(self, shape: Sequence[int]) -> Tensor:
        n, c, *axes = shape
        h, w = _last_two(axes)
        return memory.images((n * (axes[0] if len(axes) == 3 else 1), c, h, w), _LAST, self.dtype)

    def _slices(self, volumes: Tensor) -> Tensor:
        """Lay volumes as a stack of images whose channels lie side by side."""
        n, c, *axes = volumes.shape
        h, w = _last_two(axes)
        images = laid(volumes.reshape(n, c, -1, w), channels_last=True, threads=self.threads)
        return images.permute(0, 2, 3, 1).reshape(-1, h, w, c).permute(0, 3, 1, 2)

    def _stacked(self, images: Tensor, shape: Sequence[int]) -> Tensor:
        """Give a stack of images as the volumes that they are, in the layout that is wanted."""
        n, c, *axes = shape
        whole = images.permute(0, 2, 3, 1).reshape(n, -1, axes[-1], c).permute(0, 3, 1, 2)
        return (
            laid(whole, channels_last=self.channels_last, threads=self.threads)
            .unflatten(2, axes[:-1] or (1,))
            .view(tuple(shape))
        )


def _split(whole: _Pass, end: str, written: set[int]) -> Iterator[_Pass]:
    """Cut a pass where slices that were written before meet slices that were not."""
    first = getattr(whole, end)
    begin = 0
    for at in range(1, whole.slices + 1):
        if at == whole.slices or (first + at in written) != (first + begin in written):
            yield _Pass(whole.plane, whole.input + begin, whole.output + begin, at - begin)
            begin = at


def _last_two(sizes: Sequence[Any], other: Any = 1) -> tuple[Any, Any]:
    return (other, sizes[0]) if len(sizes) == 1 else (sizes[-2], sizes[-1])


@lru_cache(maxsize=4096)
def _choose(image: Problem, threads: int, asked: Choice, most: Limits) -> _Chosen | None:
    """Choose the best of the core's algorithms; None where all of them decline, and none is asked for by name."""
    try:
        plan = planned(image, threads, asked, most)
    except OptionError:
        if asked.forced:
            raise
        return None
    able = {c.algorithm: c.seconds for c in plan.candidates if c.seconds is not None}
    ours = {name: seconds for name, seconds in able.items() if name not in (FFT, *NOT_OURS)}
    if not ours:
        return None
    name = plan.algorithm if plan.algorithm in ours else min(ours, key=lambda one: ours[one])
    return _Chosen([c.algorithm for c in plan.candidates].index(name), ours[name])


FORGET.append(_choose.cache_clear)
