"""LeNet-5 as it was published: partial connections, trained subsampling, and distances to drawn characters.

Source:
    LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition",
    Proceedings of the IEEE 86 (1998), section II.B, figure 2 and table I; appendix A for the squashing function.

Departs from the paper:
    - scores are negative distances, so that the likeliest class has the highest. Their cross-entropy is the paper's
      equation 9 without its constant j, the class of rubbish.
    - the ten characters are our drawings; other numbers of classes than ten have codes without a meaning
      (`models.characters`).
    - other input sizes than 32 x 32 leave C5 another kernel: as large as S4's maps are.

Read as the paper's section, for an input of 1 x 32 x 32:

    layer   kernel  out           parameters
    C1      5       6 x 28 x 28   156
    S2      2       6 x 14 x 14   12
    C3      5       16 x 10 x 10  1,516
    S4      2       16 x 5 x 5    32
    C5      5       120           48,120
    F6      -       84            10,164
    output  -       10            0           60,000 in all
"""

from collections.abc import Sequence
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate.models.characters import codes
from striate.models.lenet5 import s4_size
from striate.nn import AvgPool2d, Classifier, Conv2d, Stages
from striate.ops.conv import conv2d

__all__ = ["TABLE_I", "Distance", "LeNet5Original", "Squash", "Subsampling", "TableConv2d"]

# A row for each map of S2, a column for each of C3: X where the one is connected to the other.
TABLE_I: Final = (
    "X...XXX..XXXX.XX",
    "XX...XXX..XXXX.X",
    "XXX...XXX..X.XXX",
    ".XXX..XXXX..X.XX",
    "..XXX..XXXX.XX.X",
    "...XXX..XXXX.XXX",
)


class Squash(nn.Module):
    """1.7159 tanh(2x/3): 1 at 1 and -1 at -1, where its curvature is greatest (appendix A)."""

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Squash every number."""
        return 1.7159 * torch.tanh(2 / 3 * x)


class Subsampling(nn.Module):
    """The sum of four neighbours, times a gain, plus an offset; one of each a map.

    Args:
        channels: Maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mean = AvgPool2d(2)
        self.gain = nn.Parameter(torch.empty(channels, 1, 1))
        self.bias = nn.Parameter(torch.empty(channels, 1, 1))
        uniform_(self.gain, 4)
        uniform_(self.bias, 4)

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C P Q"]:
        """Halve the maps."""
        return 4 * self.mean(x) * self.gain + self.bias


class TableConv2d(nn.Module):
    """A convolution in which a table says which map below each kernel sees.

    Args:
        table: A row for each map of the input, a column for each of the output, as in `TABLE_I`.
        kernel_size: Taps along both axes.
    """

    def __init__(self, table: Sequence[str], kernel_size: int) -> None:
        super().__init__()
        seen = [[mark == "X" for mark in column] for column in zip(*table, strict=True)]
        counts = [sum(column) for column in seen]
        self.weight = nn.Parameter(torch.empty(sum(counts), kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.empty(len(counts)))
        weights, offsets = self.weight.split(counts), self.bias.split(1)
        for count, weight, offset in zip(counts, weights, offsets, strict=True):
            uniform_(weight, count * kernel_size**2)
            uniform_(offset, count * kernel_size**2)
        # Which plane of `weight` a kernel has for a map, counted from 1; 0 for none.
        flat = torch.tensor(seen).long()
        self.register_buffer("planes", flat.flatten().cumsum(0).reshape(flat.shape) * flat)
        self.planes: Tensor

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N K P Q"]:
        """Convolve with kernels that are zero where there is no connection."""
        none = self.weight.new_zeros(1, *self.weight.shape[1:])
        return conv2d(x, torch.cat([none, self.weight])[self.planes], self.bias)


class Distance(nn.Module):
    """Minus the squared Euclidean distance to each class's code, which is not trained (equation 7).

    Args:
        classes: How many codes there are.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.register_buffer("codes", torch.tensor(codes(classes), dtype=torch.get_default_dtype()))
        self.codes: Tensor

    def forward(self, x: Float[Tensor, "N 84"]) -> Float[Tensor, "N classes"]:
        """Compare the units of F6 with each code."""
        return -(x[:, None] - self.codes).square().sum(2)


class LeNet5Original(Classifier):
    """The network of figure 2.

    Args:
        classes: How many codes the output compares with.
        in_channels: Channels of the input.
        image_size: Height and width of the input; at least 16 each.

    Raises:
        ShapeError: The images are too small for two 5 x 5 convolutions, each halved.

    Example:
        >>> sum(p.numel() for p in LeNet5Original().parameters())
        60000
    """

    maps = "C5"

    def __init__(self, classes: int = 10, *, in_channels: int = 1, image_size: tuple[int, int] = (32, 32)) -> None:
        super().__init__()
        size = s4_size("LeNet5Original", in_channels, image_size)
        self.C1 = Conv2d(in_channels, 6, 5)
        self.S2 = Subsampling(6)
        self.C3 = TableConv2d(TABLE_I, 5)
        self.S4 = Subsampling(16)
        self.C5 = Conv2d(16, 120, size)
        self.F6 = nn.Linear(120, 84)
        self.output = Distance(classes)
        self.squash = Squash()
        for layer in (self.C1, self.C5, self.F6):
            for parameter in layer.parameters():
                uniform_(parameter, layer.weight[0].numel())

    def stages(self) -> Stages:
        """List the layers of figure 2, each with its squashing."""
        return {
            "C1": lambda x: self.squash(self.C1(x)),
            "S2": lambda x: self.squash(self.S2(x)),
            "C3": lambda x: self.squash(self.C3(x)),
            "S4": lambda x: self.squash(self.S4(x)),
            "C5": lambda x: self.squash(self.C5(x)),
            "F6": lambda x: self.squash(self.F6(x.flatten(1))),
            "output": self.output,
        }


def uniform_(parameter: Tensor, fan_in: int) -> None:
    """Draw first values, uniform in ±2.4 / the number of inputs of a unit (appendix A)."""
    with torch.no_grad():
        parameter.uniform_(-2.4 / fan_in, 2.4 / fan_in)
