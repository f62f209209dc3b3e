"""What a convolution is to the engine: sizes, and nothing of the numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from striate.engine.core import core

__all__ = ["Problem"]


@dataclass(frozen=True)
class Problem:
    """A two-dimensional convolution of 32-bit floats.

    Args:
        input: `N C H W`.
        kernels: `K R S`.
        stride: Input samples from one position to the next, down and across.
        padding: Zeros added above, below, left and right; negative ones cut.
        dilation: Input samples from one tap to the next.
        groups: Blocks into which the channels are split.
        bias: Whether a number per channel is added to the sums.
        residual: Whether an image of the output's size is added.
        relu: Whether negative sums become 0, after that.

    Example:
        >>> print(Problem.of((1, 64, 56, 56), (64, 64, 3, 3), padding=(1, 1)))
        N=1 C=64 H=56 W=56  K=64 R=3 S=3  stride 1x1  padding 1,1,1,1  dilation 1x1  groups 1
    """

    input: tuple[int, int, int, int]
    kernels: tuple[int, int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    bias: bool = False
    residual: bool = False
    relu: bool = False

    @classmethod
    def of(
        cls,
        input: Sequence[int],
        weight: Sequence[int],
        *,
        stride: Sequence[int] = (1, 1),
        padding: Sequence[int] = (0, 0),
        dilation: Sequence[int] = (1, 1),
        groups: int = 1,
        **epilogue: bool,
    ) -> "Problem":
        """Take the sizes of an input `N C H W` and a weight `K C/groups R S`, as PyTorch gives them."""
        n, c, h, w = input
        k, _, r, s = weight
        down, across = padding
        around = (down, down, across, across)
        return cls((n, c, h, w), (k, r, s), _two(stride), around, _two(dilation), groups, **epilogue)

    @cached_property
    def handle(self) -> Any:
        """The same, as the core has it."""
        parts = (self.input, self.kernels, self.stride, self.padding, self.dilation, self.groups)
        return core().Problem(*parts, self.bias, self.residual, self.relu)

    @property
    def output(self) -> tuple[int, int, int, int]:
        """`N K P Q`."""
        n, k, p, q = self.handle.output
        return n, k, p, q

    @property
    def multiply_adds(self) -> int:
        """How many the sums take, as they are defined."""
        n, k, p, q = self.output
        return n * p * q * k * (self.input[1] // self.groups) * self.kernels[1] * self.kernels[2]

    def transposed(self) -> "Problem | None":
        """Give the convolution that is this one's gradient with respect to its input, with the kernels turned round.

        Returns:
            None where it is no convolution: where positions lie apart, or groups have many channels.
        """
        depthwise = self.groups == self.input[1] == self.kernels[0]
        if self.stride != (1, 1) or not (self.groups == 1 or depthwise):
            return None
        n, k, p, q = self.output
        top, bottom, left, right = self.padding
        down, across = (d * (size - 1) for d, size in zip(self.dilation, self.kernels[1:], strict=True))
        around = (down - top, down - bottom, across - left, across - right)
        kernels = (self.input[1], *self.kernels[1:])
        return Problem((n, k, p, q), kernels, (1, 1), around, self.dilation, self.groups)

    def __str__(self) -> str:
        """Write it in one line."""
        sizes = "  ".join(
            " ".join(f"{axis}={size}" for axis, size in zip(axes, given, strict=True))
            for axes, given in (("NCHW", self.input), ("KRS", self.kernels))
        )
        then = "".join(f"  + {what}" for what in ("bias", "residual", "relu") if getattr(self, what))
        stride, dilation = ("x".join(map(str, pair)) for pair in (self.stride, self.dilation))
        around = ",".join(map(str, self.padding))
        return f"{sizes}  stride {stride}  padding {around}  dilation {dilation}  groups {self.groups}{then}"


def _two(pair: Sequence[int]) -> tuple[int, int]:
    first, second = pair
    return int(first), int(second)
