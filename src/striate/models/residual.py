"""The blocks of residual networks: two or three convolutions, and a shortcut around them, or none.

Source:
    He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, sections 3.3 and 4.1, figure 5.
"""

from collections.abc import Callable
from typing import Final, Literal, TypeAlias, get_args

from jaxtyping import Float
from torch import Tensor, nn

from striate.errors import OptionError
from striate.nn import PadShortcut, ProjectionShortcut

__all__ = ["Basic", "Bottleneck", "Shortcut", "StrideOn", "initialize", "stage"]

Shortcut: TypeAlias = Literal["A", "B", "C", "none"]
"""What is added to a block's convolutions (section 3.3, figure 2).

A: the input, zeros in the channels that are new. B: the input, or its projection where the size changes. C: always a
projection. none: nothing; the network is plain.
"""

StrideOn: TypeAlias = Literal["1x1", "3x3"]
"""Which convolution of a bottleneck has the stride: the paper's first, or torchvision's second ("v1.5")."""


class Basic(nn.Module):
    """Two 3 x 3 convolutions and the shortcut around them (figure 5, left).

    Args:
        in_channels: Channels of the input, `C`.
        out_channels: Channels of the output, `K`.
        stride: Of the first convolution, in input samples.
        shortcut: What is added.

    Raises:
        OptionError: No shortcut is called so.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, *, shortcut: Shortcut) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU()
        self.downsample = _around(shortcut, in_channels, out_channels, stride)

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The normalisation before the addition."""
        return self.bn2

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N K P Q"]:
        """Add what the convolutions say to the input (equation 1)."""
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y if self.downsample is None else y + self.downsample(x))


class Bottleneck(nn.Module):
    """A 3 x 3 convolution of a quarter of the channels, between two of 1 x 1 (figure 5, right).

    Args:
        in_channels: Channels of the input, `C`.
        out_channels: Channels of the output, `K`; a multiple of four.
        stride: Of the convolution that `stride_on` names, in input samples.
        shortcut: What is added.
        stride_on: Which convolution has the stride.

    Raises:
        OptionError: No shortcut, or no place of the stride, is called so.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, *, shortcut: Shortcut, stride_on: StrideOn
    ) -> None:
        super().__init__()
        if stride_on not in get_args(StrideOn):
            raise OptionError(
                "resnet: a bottleneck has no such convolution for its stride.",
                "Choose 1x1 (the paper's) or 3x3 (torchvision's).",
                stride_on=repr(stride_on),
            )
        on_1x1, on_3x3 = (stride, 1) if stride_on == "1x1" else (1, stride)
        width = out_channels // 4
        self.conv1 = nn.Conv2d(in_channels, width, 1, stride=on_1x1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=on_3x3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU()
        self.downsample = _around(shortcut, in_channels, out_channels, stride)

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The normalisation before the addition."""
        return self.bn3

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N K P Q"]:
        """Add what the convolutions say to the input (equation 1)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(y)))))
        return self.relu(y if self.downsample is None else y + self.downsample(x))


def stage(
    block: Callable[[int, int, int], nn.Module], n: int, in_channels: int, out_channels: int, *, stride: int
) -> nn.Sequential:
    """Build the `n` blocks of one row of a paper's table; the first changes the size."""
    first = block(in_channels, out_channels, stride)
    return nn.Sequential(first, *(block(out_channels, out_channels, 1) for _ in range(n - 1)))


def initialize(network: nn.Module, *, zero_init: bool = False) -> None:
    """Draw first weights that keep the scale of rectified units (He et al. 2015).

    Args:
        network: Whose convolutions are drawn anew.
        zero_init: Whether each block begins as its shortcut alone: the last normalisation's gain is 0.

    Raises:
        OptionError: Blocks without a shortcut would begin as nothing, and stay so.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif zero_init and isinstance(module, Basic | Bottleneck):
            if module.downsample is None:
                raise OptionError(
                    "resnet: plain blocks whose last normalisation is 0 give nothing, and learn nothing.",
                    "Leave zero_init out, or choose shortcut A, B or C.",
                    shortcut="'none'",
                    zero_init=zero_init,
                )
            nn.init.zeros_(module.last_norm.weight)


def _same(in_channels: int, out_channels: int, *, stride: int) -> nn.Module:
    return nn.Identity()


# option: the shortcut where the size changes, and where it does not.
_SHORTCUTS: Final[dict[str, tuple[Callable[..., nn.Module], Callable[..., nn.Module]] | None]] = {
    "A": (PadShortcut, _same),
    "B": (ProjectionShortcut, _same),
    "C": (ProjectionShortcut, ProjectionShortcut),
    "none": None,
}


def _around(option: Shortcut, in_channels: int, out_channels: int, stride: int) -> nn.Module | None:
    if option not in _SHORTCUTS:
        raise OptionError(
            "resnet: no shortcut is called so.", "Choose A, B, C, or none for a plain network.", shortcut=repr(option)
        )
    kinds = _SHORTCUTS[option]
    if kinds is None:
        return None
    same = in_channels == out_channels and stride == 1
    return kinds[same](in_channels, out_channels, stride=stride)
