"""What a convolution along one axis or three is to the engine: sizes, and nothing of the numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from striate.engine.problem import Direction
from striate.errors import ShapeError

__all__ = ["VolumeProblem"]


@dataclass(frozen=True)
class VolumeProblem:
    """A convolution of sequences or of volumes. Its sizes are those of the convolution, in every direction.

    Args:
        input: `N C` and the size along each axis.
        weight: `K C/groups` and the taps along each.
        stride: Input samples from one position to the next, along each axis.
        sides: Zeros before and after, along each axis; negative ones cut.
        dilation: Input samples from one tap to the next, along each axis.
        groups: Blocks into which the channels are split.
        direction: What is computed.
        channels_last: Whether volumes lie in memory with the channels of a sample side by side; sequences never do.
        packed_anew: Whether the weights change from call to call, as in training.
        dtype: Of all its numbers: 32-bit floats or 64-bit ones.

    Raises:
        ShapeError: Sizes do not fit together.

    Example:
        >>> print(VolumeProblem.of((1, 32, 16, 56, 56), (32, 32, 3, 3, 3), padding=1))
        forward  input 1x32x16x56x56  weight 32x32x3x3x3  stride 1x1x1  padding 1,1 1,1 1,1  dilation 1x1x1  groups 1
    """

    input: tuple[int, ...]
    weight: tuple[int, ...]
    stride: tuple[int, ...]
    sides: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int = 1
    direction: Direction = "forward"
    channels_last: bool = False
    packed_anew: bool = False
    dtype: torch.dtype = torch.float32

    def __post_init__(self) -> None:
        if not self.fit(self.input, self.weight, self.stride, self.sides, self.dilation, self.groups):
            raise ShapeError(
                "conv: sizes do not fit together.",
                "Give an input (N, C, ...) and a weight (K, C/groups, ...) of one axis more, or of three, groups that "
                "divide both, and a kernel that fits into the padded input.",
                input=self.input,
                weight=self.weight,
                groups=self.groups,
            )

    @classmethod
    def of(
        cls,
        input: Sequence[int],
        weight: Sequence[int],
        *,
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        direction: Direction = "forward",
        channels_last: bool = False,
    ) -> "VolumeProblem":
        """Take sizes as PyTorch gives them, and settings for all axes or for each.

        Args:
            input: The input's shape.
            weight: The weight's shape.
            stride: A number, or one for each axis.
            padding: Likewise: zeros on both sides.
            dilation: Likewise.
            groups: Blocks of channels.
            direction: What is computed.
            channels_last: Whether volumes lie so.

        Raises:
            ShapeError: Sizes do not fit together.
        """
        rank = len(weight) - 2
        strides, around, steps = (
            (setting,) * rank if isinstance(setting, int) else tuple(setting) for setting in (stride, padding, dilation)
        )
        sides = tuple((n, n) for n in around)
        return cls(tuple(input), tuple(weight), strides, sides, steps, groups, direction, channels_last)

    @staticmethod
    def fit(
        input: Sequence[int],
        weight: Sequence[int],
        stride: Sequence[int],
        sides: Sequence[tuple[int, int]],
        dilation: Sequence[int],
        groups: int,
    ) -> bool:
        """Tell whether sizes make a convolution along one axis or three, and there is anything to compute."""
        ranks = {len(input) - 2, len(weight) - 2, len(stride), len(sides), len(dilation)}
        if len(ranks) != 1 or min(ranks) not in (1, 3) or min(*input, *weight, *stride, *dilation, groups) < 1:
            return False
        channels = input[1] == weight[1] * groups and weight[0] % groups == 0
        return channels and min(_positions(input, weight, stride, sides, dilation)) >= 1

    @property
    def output(self) -> tuple[int, ...]:
        """`N K`, and the positions along each axis."""
        sizes = (self.input, self.weight, self.stride, self.sides, self.dilation)
        return (self.input[0], self.weight[0], *_positions(*sizes))

    def turned(self, direction: Direction) -> "VolumeProblem":
        """Give the same convolution's problem in another direction."""
        return replace(self, direction=direction)

    def __str__(self) -> str:
        """Write it in one line."""
        input, weight, stride, dilation = (
            "x".join(map(str, sizes)) for sizes in (self.input, self.weight, self.stride, self.dilation)
        )
        around = " ".join(f"{before},{after}" for before, after in self.sides)
        layout = "  channels_last" if self.channels_last else ""
        kind = "" if self.dtype is torch.float32 else f"  {str(self.dtype).removeprefix('torch.')}"
        anew = "  packed anew" if self.packed_anew else ""
        return (
            f"{self.direction}  input {input}  weight {weight}  stride {stride}  padding {around}  "
            f"dilation {dilation}  groups {self.groups}{layout}{kind}{anew}"
        )


def _positions(
    input: Sequence[int],
    weight: Sequence[int],
    stride: Sequence[int],
    sides: Sequence[tuple[int, int]],
    dilation: Sequence[int],
) -> list[int]:
    axes = zip(input[2:], weight[2:], stride, sides, dilation, strict=True)
    return [(size + sum(around) - step * (taps - 1) - 1) // by + 1 for size, taps, by, around, step in axes]
