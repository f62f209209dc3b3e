"""ResNet-20, 32, 44, 56 and 110: the thin residual networks for small images.

Source:
    He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2.

Departs from the paper:
    - nothing at 3 x 32 x 32. Other channels and sizes are taken as they come: the network ends in an average
      over all positions.

Read as the paper's table, for an input of 3 x 32 x 32 and n = 3, 5, 7, 9, 18:

    layer   out           convolutions (3 x 3)
    conv1   16 x 32 x 32  1
    stage1  16 x 32 x 32  2n
    stage2  32 x 16 x 16  2n, the first with stride 2
    stage3  64 x 8 x 8    2n, the first with stride 2
    pool    64            average over all positions
    fc      classes                                     6n + 2 layers with weights
"""

from functools import partial

from jaxtyping import Float
from torch import Tensor, nn

from striate.nn import Classifier, PadShortcut, Stages

__all__ = ["ResNetCifar", "resnet20", "resnet32", "resnet44", "resnet56", "resnet110"]


class Block(nn.Module):
    """Two 3 x 3 convolutions and the shortcut around them (figure 2)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU()
        same = in_channels == out_channels and stride == 1
        self.shortcut = nn.Identity() if same else PadShortcut(in_channels, out_channels, stride=stride)

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N K P Q"]:
        """Add what the convolutions say to the input (equation 1)."""
        residual = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(residual + self.shortcut(x))


class ResNetCifar(Classifier):
    """The network of section 4.2, of 6n + 2 layers, with shortcuts of option A.

    Args:
        classes: Size of the last layer.
        n: Blocks in each stage.
        in_channels: Channels of the input.

    Example:
        >>> sum(p.numel() for p in ResNetCifar(10, n=3).parameters())
        269722
    """

    maps = "stage3"

    def __init__(self, classes: int = 10, *, n: int, in_channels: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.stage1 = stage(n, 16, 16, stride=1)
        self.stage2 = stage(n, 16, 32, stride=2)
        self.stage3 = stage(n, 32, 64, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def stages(self) -> Stages:
        """List the rows of the table."""
        return {
            "conv1": lambda x: self.relu(self.bn1(self.conv1(x))),
            "stage1": self.stage1,
            "stage2": self.stage2,
            "stage3": self.stage3,
            "pool": lambda x: self.pool(x).flatten(1),
            "fc": self.fc,
        }


def stage(n: int, in_channels: int, out_channels: int, *, stride: int) -> nn.Sequential:
    """Build the blocks of one row of the table; the first changes the size."""
    first = Block(in_channels, out_channels, stride)
    return nn.Sequential(first, *(Block(out_channels, out_channels, 1) for _ in range(n - 1)))


resnet20 = partial(ResNetCifar, n=3)
resnet32 = partial(ResNetCifar, n=5)
resnet44 = partial(ResNetCifar, n=7)
resnet56 = partial(ResNetCifar, n=9)
resnet110 = partial(ResNetCifar, n=18)
