"""A convolution of tensors and its gradients, each by the algorithm that is planned for it. Nothing is differentiated.

Everything that depends on the sizes alone is prepared once, in a `Call`.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from striate.engine import by_torch
from striate.engine.by_fourier import FFT, fourier
from striate.engine.choice import Choice
from striate.engine.core import core
from striate.engine.fourier import Fourier
from striate.engine.layout import laid
from striate.engine.limits import Limits
from striate.engine.packed import Form, form, packed
from striate.engine.parts import parts
from striate.engine.plan import Plan, planned
from striate.engine.problem import Direction, Problem
from striate.errors import ShapeError

__all__ = ["Call"]

_LAST: Final = torch.channels_last
_ALIGNED: Final = 64  # bytes of a cache line


class _Scratch(threading.local):
    """Each thread's memory for what algorithms keep meanwhile; it grows to the largest that was needed."""

    buffer: Tensor = torch.empty(0, dtype=torch.uint8, device="cpu")

    def at(self, size_bytes: int) -> int:
        if self.buffer.numel() < size_bytes + _ALIGNED:
            self.buffer = torch.empty(size_bytes + _ALIGNED, dtype=torch.uint8, device="cpu")
        return -(-self.buffer.data_ptr() // _ALIGNED) * _ALIGNED


_SCRATCH: Final = _Scratch()


class _Run(NamedTuple):
    """One convolution by one of the core's algorithms."""

    form: Form
    output: tuple[int, int, int, int]
    workspace_bytes: int
    threads: int
    by: Callable[..., None]
    last: bool = True  # whether the input has its channels side by side

    def __call__(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Convolve; channels lie side by side in the input and in what is returned."""
        chosen = self.form
        numbers = packed(weight, chosen, self.threads)
        bias = bias if bias is None else bias.contiguous()
        output = torch.empty(self.output, dtype=torch.float32, device="cpu", memory_format=_LAST)
        self.by(
            chosen.place,
            chosen.handle,
            input.data_ptr(),
            numbers.data_ptr(),
            0 if bias is None else bias.data_ptr(),
            0,
            output.data_ptr(),
            _SCRATCH.at(self.workspace_bytes),
            self.threads,
        )
        return output


class _Transforms(NamedTuple):
    """One convolution by Fourier transforms."""

    form: Form
    by: Fourier
    threads: int
    last: bool = False

    def __call__(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Convolve; the input and what is returned are planes of channels."""
        return self.by.convolve(input, packed(weight, self.form, self.threads), bias, self.threads)


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
        self._torch_settings = (problem.stride, (top, left) if even else problem.padding, *self.settings[2:])
        chosen = self.plan("forward")
        self._forward = None if chosen.place < 0 else _run(chosen, problem, threads)
        # PyTorch lays a weight as the images lie, at every call: a fifth of the time of a small layer.
        self._relaid = form(-1, problem) if problem.channels_last and not problem.packed_anew else None

    def plan(self, direction: Direction) -> Plan:
        """Plan one direction."""
        return planned(self.problem.turned(direction), self.threads, self._asked, self._most)

    @cached_property
    def unbiased(self) -> "Call":
        """The same without a bias."""
        if not self.problem.bias:
            return self
        return Call(replace(self.problem, bias=False), self.threads, self._asked, self._most)

    @cached_property
    def torch_alone(self) -> bool:
        """Whether PyTorch's own convolution computes the output and both gradients."""
        return self._forward is None and self._backward is None and self._weights is None

    @cached_property
    def _backward(self) -> list[tuple[tuple[slice, slice], _Run | _Transforms | None]] | None:
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

    def forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Convolve `N C H W` with `K C/groups R S`."""
        if self._forward is None:
            if self._relaid and not weight.is_contiguous(memory_format=_LAST):
                weight = packed(weight, self._relaid, self.threads)
            return self.by_torch(input, weight, bias)
        return self._returned(self._forward(self._taken(input, self._forward.last), weight, bias))

    def by_torch(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Convolve by PyTorch's own function, which is differentiable."""
        return self._torchs(input, weight, bias, *self._torch_settings)

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
            of_input, of_weight = by_torch.gradients(gradient, input, weight, *self.settings, by_others)
        if wanted[0] and not by_others[0]:
            gradient = self._taken(gradient, self.plan("input gradient").algorithm != FFT)
            of_input = self._input_gradient(gradient, weight)
        if wanted[1] and not by_others[1]:
            last = not isinstance(self._weights, Fourier)
            of_weight = self._weight_gradient(self._taken(gradient, last), self._taken(input, last), weight)
        return of_input, of_weight

    def _taken(self, images: Tensor, last: bool) -> Tensor:
        return laid(images, channels_last=last, threads=self.threads)

    def _returned(self, images: Tensor) -> Tensor:
        return laid(images, channels_last=self.problem.channels_last, threads=self.threads)

    def _input_gradient(self, gradient: Tensor, weight: Tensor) -> Tensor:
        found = self._backward or []
        if len(found) == 1 and found[0][1] is not None:
            return self._returned(found[0][1](gradient, weight, None))
        result = torch.empty(self.problem.input, dtype=torch.float32, device="cpu", memory_format=self.layout)
        for (rows, columns), run in found:
            result[:, :, rows, columns] = 0.0 if run is None else run(gradient, weight, None)
        return result

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


def _run(chosen: Plan, problem: Problem, threads: int, taps: Any = None) -> _Run | _Transforms:
    place = chosen.place
    if chosen.algorithm == FFT:
        return _Transforms(form(place, problem, taps), fourier(problem), threads)
    workspace_bytes = core().workspace_bytes(place, problem.handle, threads)
    return _Run(form(place, problem, taps), problem.output, workspace_bytes, threads, core().run)
