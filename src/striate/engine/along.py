"""Convolution by Fourier transforms along one axis or three, and its gradients, as `differentiate` calls them."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from striate.engine import by_torch
from striate.engine.fourier import Fourier
from striate.engine.packed import packed, spectra_form

__all__ = ["Along"]


@dataclass(frozen=True)
class Along:
    """A convolution by transforms.

    Args:
        problem: It.
        threads: That share it.
    """

    problem: Fourier
    threads: int
    rectifies = False

    @property
    def bare(self) -> "Along":
        """The same, and nothing is done to the sums."""
        return self

    def torch_records(self, *, of_input: bool = True, of_weight: bool = True) -> bool:
        """Tell that PyTorch's own convolution computes nothing of it."""
        return False

    @cached_property
    def settings(self) -> tuple[tuple[int, ...], list[int], tuple[int, ...], int]:
        """Stride, zeros on each side, dilation and groups."""
        of = self.problem
        return (1,) * len(of.sides), [n for side in of.sides for n in side], of.dilation, of.groups

    def forward(self, input: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor | None = None) -> Tensor:
        """Convolve."""
        prepared = packed(weight, spectra_form(self.problem), self.threads)
        return by_torch.finish(self.problem.convolve(input, prepared, bias, self.threads), residual, relu=False)

    def by_torch(self, input: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor | None = None) -> Tensor:
        """Convolve by PyTorch's own function."""
        return by_torch.finish(by_torch.convolve(input, weight, bias, *self.settings), residual, relu=False)

    def gradients(
        self, gradient: Tensor, input: Tensor, weight: Tensor, wanted: tuple[bool, bool]
    ) -> tuple[Tensor | None, Tensor | None]:
        """Give the gradients with respect to the input and to the weight, those that are wanted."""
        of_input, of_weight = None, None
        if wanted[0]:
            back = self.problem.turned
            of_input = back.convolve(
                gradient, packed(weight, spectra_form(back, turns=True), self.threads), None, self.threads
            )
        if wanted[1]:
            of_weight = torch.empty_like(weight)
            self.problem.weight_gradient(gradient, input, of_weight, self.threads)
        return of_input, of_weight
