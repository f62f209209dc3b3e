"""A convolution of tensors and its gradients, each by the algorithm that is planned for it. Nothing is differentiated.

Everything that depends on the sizes alone is prepared once, in a `Call`.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from striate.engine import by_onednn, by_torch, memory
from striate.engine.by_fourier import FFT, fourier
from striate.engine.by_onednn import ONEDNN
from striate.engine.choice import TORCH, Choice
from striate.engine.core import core
from striate.engine.denormals import Flushed
from striate.engine.estimate import RECORD
from striate.engine.fourier import Fourier
from striate.engine.layout import laid
from striate.engine.limits import Limits
from striate.engine.packed import Form, form, packed
from striate.engine.parts import parts
from striate.engine.plan import Plan, planned
from striate.engine.problem import Direction, Problem
from striate.errors import ShapeError

__all__ = ["Call", "Run", "run_of", "scratch_at"]

_LAST: Final = torch.channels_last
_LARGE: Final = 0.5e-3  # seconds forward


class _Scratch(threading.local):
    """Each thread's memory for what algorithms keep meanwhile; it grows to the largest that was needed."""

    buffer: Tensor = torch.empty(0, dtype=torch.uint8, device="cpu")

    def at(self, size_bytes: int) -> int:
        if self.buffer.numel() < size_bytes:
            self.buffer = memory.bytes_aligned(size_bytes)
        return self.buffer.data_ptr()


_SCRATCH: Final = _Scratch()


class Run(NamedTuple):
    """One convolution by one of the core's algorithms."""

    form: Form
    output: tuple[int, int, int, int]
    workspace_bytes: int
    threads: int
    by: Callable[..., None]
    last: bool = True  # whether the input has its channels side by side

    def __call__(self, input: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor | None = None) -> Tensor:
        """Convolve; channels lie side by side in all images."""
        chosen = self.form
        numbers = packed(weight, chosen, self.threads)
        bias = bias if bias is None else bias.contiguous()
        output = memory.images(self.output, _LAST, input.dtype)
        self.by(
            chosen.place,
            chosen.handle,
            input.data_ptr(),
            numbers.data_ptr(),
            0 if bias is None else bias.data_ptr(),
            0 if residual is None else residual.data_ptr(),
            output.data_ptr(),
            _SCRATCH.at(self.workspace_bytes),
            self.threads,
        )
        return output

    def into(
        self, places: Tensor, input: Tensor, weight: Tensor, bias: Tensor | None = None, *, add: bool = False
    ) -> None:
        """Convolve, and write or add what comes of it to places.

        The channels of a place lie side by side, as those of the input do; its pixels lie as they may.
        """
        numbers = packed(weight, self.form, self.threads)
        bias = bias if bias is None else bias.contiguous()
        image, _, row, pixel = places.stride()
        core().run_apart(
            self.form.place,
            self.form.handle,
            input.data_ptr(),
            numbers.data_ptr(),
            0 if bias is None else bias.data_ptr(),
            places.data_ptr(),
            add,
            (pixel, row, image),
            _SCRATCH.at(self.workspace_bytes),
            self.threads,
        )


class _Transforms(NamedTuple):
    """One convolution by Fourier transforms."""

    form: Form
    by: Fourier
    threads: int
    relu: bool
    last: bool = False

    def __call__(self, input: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor | None = None) -> Tensor:
        """Convolve; all images are planes of channels."""
        output = self.by.convolve(input, packed(weight, self.form, self.threads), bias, self.threads)
        return by_torch.finish(output, residual, self.relu)


class _OneDNN(NamedTuple):
    """One convolution by oneDNN, with packed weights."""

    form: Form
    problem: Problem
    threads: int
    flushed: Flushed
    last: bool = True

    def __call__(self, input: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor | None = None) -> Tensor:
        """Convolve; channels lie side by side in all images."""
        with self.flushed:
            numbers = packed(weight, self.form, self.threads)
            output = by_onednn.convolve(input, numbers, bias, self.problem)
            return by_torch.finish(output, residual, self.problem.relu)


class Call:
    """A convolution and its gradients, ready to be computed for tensors of certain sizes.

    Args:
        problem: The convolution, forward; `channels_last` says how results are to lie in memory.
        threads: That share it.
        asked: What is asked of the choice of algorithms, for the gradients as well.
        most: The limits of memory.
    """

    def __init__(self, problem: Problem, threads: int, asked: Choice, most: Limits) -> None:
        self.problem, self.threads, self._asked, self._most = problem, threads, asked, most
        self.layout = _LAST if problem.channels_last else torch.contiguous_format
        self.output = problem.output
        self.settings = (problem.stride, problem.padding, problem.dilation, problem.groups)
        top, bottom, left, right = problem.padding
        even = top == bottom >= 0 and left == right >= 0
        self._torchs = F.conv2d if even else by_torch.convolve
        self._flushed = Flushed(threads)
        self._torch_settings = (problem.stride, (top, left) if even else problem.padding, *self.settings[2:])
        self._records: dict[tuple[bool, bool], bool] = {}
        chosen = self.plan("forward")
        self._forward = None if chosen.place < 0 else _run(chosen, problem, threads)
        # PyTorch lays a weight as the images lie, at every call: a fifth of the time of a small layer.
        self._relaid = form(-1, problem) if problem.channels_last and not problem.packed_anew else None

    @property
    def rectifies(self) -> bool:
        """Whether negative sums become 0."""
        return self.problem.relu

    def torch_alone(self, *, of_input: bool = True, of_weight: bool = True) -> bool:
        """Tell whether PyTorch's own convolution is planned for the output and these gradients.

        It flushes no denormal numbers in gradients, and takes up to 50 microseconds less: so large ones are recorded by
        us.
        """
        return (
            self._forward is None
            and self._small
            and not (of_input and self._backward is not None)
            and not (of_weight and self._weights is not None)
        )

    def torch_records(self, *, of_input: bool, of_weight: bool) -> bool:
        """Tell whether PyTorch's own convolution computes the output and these gradients, and records by itself.

        Also where ours would take less in one direction, but not in all together: what is small is not worth a record
        that is kept in Python.
        """
        wanted = of_input, of_weight
        found = self._records.get(wanted)
        if found is None:
            alone = self.torch_alone(of_input=of_input, of_weight=of_weight)
            found = self._records[wanted] = alone or (self._small and self._dearer(*wanted))
        return found

    def _dearer(self, of_input: bool, of_weight: bool) -> bool:
        back: dict[Direction, bool] = {"input gradient": of_input, "weight gradient": of_weight}
        plans = [self.plan("forward"), *(self.plan(direction) for direction, wanted in back.items() if wanted)]
        ours = [plan.seconds_of(plan.algorithm) for plan in plans]
        torchs = [plan.seconds_of(TORCH) for plan in plans]
        estimated = all(plan.how == "estimated" for plan in plans)
        return estimated and None not in torchs and sum(filter(None, torchs)) <= sum(filter(None, ours)) + RECORD

    @cached_property
    def _small(self) -> bool:
        return (self.plan("forward").seconds_of(TORCH) or 0.0) < _LARGE

    def plan(self, direction: Direction) -> Plan:
        """Plan one direction."""
        return planned(self.problem.turned(direction), self.threads, self._asked, self._most)

    @cached_property
    def bare(self) -> "Call":
        """The same, and nothing is done to the sums."""
        problem = replace(self.problem, bias=False, residual=False, relu=False)
        return self if problem == self.problem else Call(problem, self.threads, self._asked, self._most)

    @cached_property
    def _backward(self) -> list[tuple[tuple[slice, slice], Run | _Transforms | _OneDNN | None]] | None:
        chosen = self.plan("input gradient")
        if chosen.place < 0:
            return None
        return [
            (part.places, None if part.problem is None else _run(chosen, part.problem, self.threads, part.taps))
            for part in parts(self.problem)
        ]

    @cached_property
    def _weights(self) -> tuple[int, int] | Fourier | None:
        chosen = self.plan("weight gradient")
        if chosen.algorithm == FFT:
            return fourier(self.problem)
        if chosen.place < 0:
            return None
        return chosen.place, core().weight_gradient_workspace_bytes(chosen.place, self.problem.handle, self.threads)

    def forward(self, input: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor | None = None) -> Tensor:
        """Convolve `N C H W` with `K C/groups R S`; add `N K P Q`, and rectify, if that is the problem."""
        if self._forward is None:
            if self._relaid and not weight.is_contiguous(memory_format=_LAST):
                weight = packed(weight, self._relaid, self.threads)
            return self.by_torch(input, weight, bias, residual)
        last = self._forward.last
        residual = None if residual is None else self._taken(residual, last)
        return self._returned(self._forward(self._taken(input, last), weight, bias, residual))

    def by_torch(self, input: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor | None = None) -> Tensor:
        """Convolve by PyTorch's own functions, which are differentiable."""
        with self._flushed:
            output = self._torchs(input, weight, bias, *self._torch_settings)
            return by_torch.finish(output, residual, self.problem.relu)

    def gradients(
        self, gradient: Tensor, input: Tensor, weight: Tensor, wanted: tuple[bool, bool]
    ) -> tuple[Tensor | None, Tensor | None]:
        """Give the gradients of a loss with respect to the input and to the weight, those that are wanted.

        Args:
            gradient: Of the loss with respect to the output, `N K P Q`.
            input: What was convolved; only its shape is read, unless the weight's gradient is wanted.
            weight: The kernels; only their shape and layout are read, unless the input's gradient is wanted.
            wanted: Which of the two.

        Raises:
            ShapeError: They are not of this convolution's sizes.
        """
        if (gradient.shape, input.shape, weight.shape) != (self.output, self.problem.input, self.problem.weight):
            raise ShapeError(
                "conv2d: the gradient, the input and the weight are not those of one convolution.",
                f"Pass a gradient of {self.output}, or another input, weight or settings.",
                gradient=tuple(gradient.shape),
                input=tuple(input.shape),
                weight=tuple(weight.shape),
            )
        by_others = (wanted[0] and self._backward is None, wanted[1] and self._weights is None)
        of_input, of_weight = None, None
        if any(by_others):
            # Where one lies otherwise than the rest, PyTorch takes several times as long.
            given = (self._returned(gradient), *self._alike(input, weight, by_others))
            with self._flushed:
                of_input, of_weight = by_torch.gradients(*given, *self.settings, by_others)
        if wanted[0] and not by_others[0]:
            gradient = self._taken(gradient, self.plan("input gradient").algorithm != FFT)
            of_input = self._input_gradient(gradient, weight)
        if wanted[1] and not by_others[1]:
            last = not isinstance(self._weights, Fourier)
            of_weight = self._weight_gradient(self._taken(gradient, last), self._taken(input, last), weight)
        return of_input, of_weight

    def _alike(self, input: Tensor, weight: Tensor, wanted: tuple[bool, bool]) -> tuple[Tensor, Tensor]:
        """Lay for PyTorch what it takes the input's gradient from as the images lie; it is not read otherwise."""
        if wanted[1]:
            return input, weight
        if self.problem.channels_last and not weight.is_contiguous(memory_format=_LAST):
            weight = packed(weight, form(-1, self.problem), self.threads)
        return memory.images(self.problem.input, self.layout, self.problem.dtype), weight

    def _taken(self, images: Tensor, last: bool) -> Tensor:
        return laid(images, channels_last=last, threads=self.threads)

    def _returned(self, images: Tensor) -> Tensor:
        return laid(images, channels_last=self.problem.channels_last, threads=self.threads)

    def _input_gradient(self, gradient: Tensor, weight: Tensor) -> Tensor:
        found = self._backward or []
        if len(found) == 1 and found[0][1] is not None:
            return self._returned(found[0][1](gradient, weight, None))
        result = memory.images(self.problem.input, _LAST, self.problem.dtype)
        if any(run is None for _, run in found):
            result.zero_()
        for (rows, columns), run in found:
            if isinstance(run, Run):  # transforms have no phases
                run.into(result[:, :, rows, columns], gradient, weight)
        return self._returned(result)

    def _weight_gradient(self, gradient: Tensor, input: Tensor, weight: Tensor) -> Tensor:
        result = torch.empty_like(weight)
        if isinstance(self._weights, Fourier):
            self._weights.weight_gradient(gradient, input, result, self.threads)
            return result
        place, workspace_bytes = self._weights or (0, 0)
        k, c, r, s = result.stride()
        steps = (weight.shape[0] // self.problem.groups * k, k, c, r, s)
        addresses = (input.data_ptr(), gradient.data_ptr(), result.data_ptr())
        scratch = _SCRATCH.at(workspace_bytes)
        core().weight_gradient(place, self.problem.handle, *addresses, steps, scratch, self.threads)
        return result


def _run(chosen: Plan, problem: Problem, threads: int, taps: Any = None) -> Run | _Transforms | _OneDNN:
    place = chosen.place
    if chosen.algorithm == ONEDNN:
        return _OneDNN(form(place, problem), problem, threads, Flushed(threads))
    if chosen.algorithm == FFT:
        return _Transforms(form(place, problem, taps), fourier(problem), threads, problem.relu)
    return run_of(place, problem, threads, taps)


@lru_cache(maxsize=4096)
def run_of(place: int, problem: Problem, threads: int, taps: Any = None, plane: int | None = None) -> Run:
    """Prepare a run of the algorithm at a place of the core's table.

    Args:
        place: Its place.
        problem: The convolution.
        threads: That share it.
        taps: For a gradient: those of the weight that are read.
        plane: Of a weight that has several: which one.
    """
    reads = form(place, problem, taps)
    if plane is not None:
        reads = reads._replace(key=(*reads.key, plane), plane=plane)
    return Run(reads, problem.output, core().workspace_bytes(place, problem.handle, threads), threads, core().run)


def scratch_at(size_bytes: int) -> int:
    """Give the address of memory that this thread may write until the next call."""
    return _SCRATCH.at(size_bytes)
