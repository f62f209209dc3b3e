"""A convolution along one axis or three and its gradients, each the way that is planned: what `differentiate` calls."""

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from striate.engine import by_torch
from striate.engine.along import Along
from striate.engine.by_fourier import FFT
from striate.engine.choice import TORCH, Choice
from striate.engine.limits import Limits
from striate.engine.plan_volume import fourier_of, planned_volume, slices_of
from striate.engine.problem import Direction
from striate.engine.slices import Slices
from striate.engine.volume import VolumeProblem

__all__ = ["Ways"]


@dataclass(frozen=True)
class Ways:
    """A convolution, ready to be computed.

    Args:
        problem: It, forward.
        threads: That share it.
        asked: What is asked of the choice of algorithms.
        most: The limits of memory.
    """

    problem: VolumeProblem
    threads: int
    asked: Choice
    most: Limits
    rectifies = False

    @property
    def bare(self) -> "Ways":
        """The same, and nothing is done to the sums."""
        return self

    @cached_property
    def settings(self) -> tuple[tuple[int, ...], list[int], tuple[int, ...], int]:
        """Stride, zeros on each side, dilation and groups."""
        of = self.problem
        return of.stride, [n for side in of.sides for n in side], of.dilation, of.groups

    @cached_property
    def _slices(self) -> Slices:
        return slices_of(self.problem, self.threads, self.asked, self.most)

    @cached_property
    def _along(self) -> Along:
        return Along(fourier_of(self.problem), self.threads)

    def way(self, direction: Direction) -> Slices | Along | None:
        """Give what computes a direction; None where it is PyTorch."""
        algorithm, _, _ = planned_volume(self.problem.turned(direction), self.threads, self.asked, self.most)
        return None if algorithm == TORCH else self._along if algorithm == FFT else self._slices

    def torch_records(self, *, of_input: bool = True, of_weight: bool = True) -> bool:
        """Tell whether PyTorch's own convolution computes the output and these gradients, and records by itself."""
        return (
            self.way("forward") is None
            and not (of_input and self.way("input gradient") is not None)
            and not (of_weight and self.way("weight gradient") is not None)
        )

    def forward(self, input: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor | None = None) -> Tensor:
        """Convolve."""
        way = self.way("forward")
        compute = self.by_torch if way is None else way.forward
        return compute(input, weight, bias, residual)

    def by_torch(self, input: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor | None = None) -> Tensor:
        """Convolve by PyTorch's own function."""
        return by_torch.finish(by_torch.convolve(input, weight, bias, *self.settings), residual, relu=False)

    def gradients(
        self, gradient: Tensor, input: Tensor, weight: Tensor, wanted: tuple[bool, bool]
    ) -> tuple[Tensor | None, Tensor | None]:
        """Give the gradients with respect to the input and to the weight, those that are wanted."""
        ways = (self.way("input gradient"), self.way("weight gradient"))
        found: list[Tensor | None] = [None, None]
        for way in dict.fromkeys(way for way, want in zip(ways, wanted, strict=True) if want):
            some = wanted[0] and ways[0] is way, wanted[1] and ways[1] is way
            given = gradient, input, weight
            of = by_torch.gradients(*given, *self.settings, some) if way is None else way.gradients(*given, some)
            found = [new if new is not None else old for new, old in zip(of, found, strict=True)]
        return found[0], found[1]
