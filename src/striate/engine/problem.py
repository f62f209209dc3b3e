"""What a convolution is to the engine: sizes, and nothing of the numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Literal, get_args

import torch

from striate.engine.core import core
from striate.errors import OptionError, ShapeError

__all__ = ["DTYPES", "Direction", "Problem"]

Direction = Literal["forward", "input gradient", "weight gradient"]
"""What is computed: the output, or the gradient of a loss with respect to the input or to the kernels."""

DTYPES: Final = (torch.float32, torch.float64)
"""The numbers that the core convolves."""


@dataclass(frozen=True)
class Problem:
    """A two-dimensional convolution. Its sizes are those of the convolution, in every direction.

    Args:
        input: `N C H W`.
        kernels: `K R S`.
        stride: Input samples from one position to the next, down and across.
        padding: Zeros added above, below, left and right; negative ones cut.
        dilation: Input samples from one tap to the next, down and across.
        groups: Blocks into which the channels are split.
        bias: Whether a number per channel is added to the sums.
        residual: Whether an image of the output's size is added.
        relu: Whether negative sums become 0, after that.
        direction: What is computed.
        channels_last: Whether images lie in memory with a pixel's channels side by side, as the core reads them.
        packed_anew: Whether the weights change from call to call, as in training, so that packing them counts.
        dtype: Of all its numbers: 32-bit floats or 64-bit ones.

    Raises:
        ShapeError: Sizes do not fit together.
        OptionError: There is no such direction, or no such dtype.

    Example:
        >>> print(Problem.of((1, 64, 56, 56), (64, 64, 3, 3), padding=(1, 1)))
        forward  N=1 C=64 H=56 W=56  K=64 R=3 S=3  stride 1x1  padding 1,1,1,1  dilation 1x1  groups 1  channels_last
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
    direction: Direction = "forward"
    channels_last: bool = True
    packed_anew: bool = False
    dtype: torch.dtype = torch.float32

    def __post_init__(self) -> None:
        sizes = {"input": self.input, "kernels": self.kernels, "stride": self.stride, "dilation": self.dilation}
        for name, given in (*sizes.items(), ("groups", (self.groups,))):
            if min(given) < 1:
                raise ShapeError(f"conv2d: {name} has a size below 1.", "Give 1 or more.", **{name: given})
        channels, kernels = self.input[1], self.kernels[0]
        if channels % self.groups or kernels % self.groups:
            raise ShapeError(
                "conv2d: groups do not divide the channels.",
                "Give groups that divide both the input's channels and the kernels.",
                channels=channels,
                kernels=kernels,
                groups=self.groups,
            )
        if min(self.positions) < 1:
            raise ShapeError(
                "conv2d: the kernel does not fit into the padded input.",
                "Pad more, dilate less, or pass a larger input.",
                **{name: sizes[name] for name in ("input", "kernels", "dilation")},
                padding=self.padding,
            )
        if self.direction not in get_args(Direction):
            raise OptionError(
                "conv2d: there is no such direction.",
                f"Choose one of: {', '.join(get_args(Direction))}.",
                direction=repr(self.direction),
            )
        if self.dtype not in DTYPES:
            raise OptionError(
                "conv2d: the engine convolves no such numbers.",
                f"Choose one of: {', '.join(map(str, DTYPES))}.",
                dtype=self.dtype,
            )

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
        **more: Any,
    ) -> "Problem":
        """Take the sizes of an input `N C H W` and a weight `K C/groups R S`, as PyTorch gives them.

        Args:
            input: The input's shape.
            weight: The weight's shape.
            stride: Down and across.
            padding: Down and across, or above, below, left and right.
            dilation: Down and across.
            groups: Blocks of channels.
            more: The other fields.

        Raises:
            ShapeError: Sizes do not fit together.
        """
        (n, c, h, w), (k, taken, r, s) = input, weight
        if c != taken * groups:
            raise ShapeError(
                f"conv2d: input has {c} channels, but weight takes {taken * groups}.",
                f"Pass input with {taken * groups} channels, or a weight made for {c}.",
                input=tuple(input),
                weight=tuple(weight),
                groups=groups,
            )
        top, bottom, left, right = padding if len(padding) == 4 else (p for p in padding for _ in range(2))
        around = (int(top), int(bottom), int(left), int(right))
        return cls((n, c, h, w), (k, r, s), _two(stride), around, _two(dilation), groups, **more)

    def turned(self, direction: Direction) -> "Problem":
        """Give the same convolution's problem in another direction, where there is no epilogue."""
        if direction == self.direction:
            return self
        return replace(self, direction=direction, bias=False, residual=False, relu=False, packed_anew=False)

    @cached_property
    def handle(self) -> Any:
        """The convolution, as the core has it."""
        parts = (self.input, self.kernels, self.stride, self.padding, self.dilation, self.groups)
        doubles = self.dtype is torch.float64
        return core().Problem(*parts, self.bias, self.residual, self.relu, doubles)

    @property
    def positions(self) -> tuple[int, int]:
        """`P Q`."""
        top, bottom, left, right = self.padding
        p, q = (
            (size + around - dilation * (taps - 1) - 1) // stride + 1
            for size, around, dilation, taps, stride in zip(
                self.input[2:], (top + bottom, left + right), self.dilation, self.kernels[1:], self.stride, strict=True
            )
        )
        return p, q

    @property
    def output(self) -> tuple[int, int, int, int]:
        """`N K P Q`."""
        return (self.input[0], self.kernels[0], *self.positions)

    @property
    def weight(self) -> tuple[int, int, int, int]:
        """`K C/groups R S`."""
        k, r, s = self.kernels
        return k, self.input[1] // self.groups, r, s

    @property
    def multiply_adds(self) -> int:
        """How many the sums take, as they are defined; the same in every direction."""
        n, k, p, q = self.output
        _, c, r, s = self.weight
        return n * p * q * k * c * r * s

    def __str__(self) -> str:
        """Write it in one line."""
        sizes = "  ".join(
            " ".join(f"{axis}={size}" for axis, size in zip(axes, given, strict=True))
            for axes, given in (("NCHW", self.input), ("KRS", self.kernels))
        )
        then = "".join(f"  + {what}" for what in ("bias", "residual", "relu") if getattr(self, what))
        stride, dilation = ("x".join(map(str, pair)) for pair in (self.stride, self.dilation))
        around = ",".join(map(str, self.padding))
        layout = "channels_last" if self.channels_last else "contiguous"
        anew = "  packed anew" if self.packed_anew else ""
        kind = "" if self.dtype is torch.float32 else f"  {str(self.dtype).removeprefix('torch.')}"
        return (
            f"{self.direction}  {sizes}  stride {stride}  padding {around}  dilation {dilation}  "
            f"groups {self.groups}  {layout}{kind}{anew}{then}"
        )


def _two(pair: Sequence[int]) -> tuple[int, int]:
    first, second = pair
    return int(first), int(second)
