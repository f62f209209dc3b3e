"""ResNet-20, 32, 44, 56 and 110: the thin residual networks for small images; and their plain counterparts.

Source:
    He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2.

Departs from the paper:
    - nothing at 3 x 32 x 32. Other channels and sizes are taken as they come: the network ends in an average
      over all positions.
    - the paper has shortcuts of option A only; B and C are offered.

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

from torch import nn

from striate.models.residual import Basic, Shortcut, initialize, stage
from striate.nn import Classifier, Stages

__all__ = [
    "ResNetCifar",
    "plain20",
    "plain32",
    "plain44",
    "plain56",
    "plain110",
    "resnet20",
    "resnet32",
    "resnet44",
    "resnet56",
    "resnet110",
]


class ResNetCifar(Classifier):
    """The network of section 4.2, of 6n + 2 layers.

    Args:
        classes: Size of the last layer.
        n: Blocks in each stage.
        in_channels: Channels of the input.
        shortcut: What is added to each two convolutions: A (the paper's), B, C, or none for a plain network.

    Raises:
        OptionError: No shortcut is called so.

    Example:
        >>> sum(p.numel() for p in ResNetCifar(10, n=3).parameters())
        269722
    """

    maps = "stage3"

    def __init__(self, classes: int = 10, *, n: int, in_channels: int = 3, shortcut: Shortcut = "A") -> None:
        super().__init__()
        block = partial(Basic, shortcut=shortcut)
        self.conv1 = nn.Conv2d(in_channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.stage1 = stage(block, n, 16, 16, stride=1)
        self.stage2 = stage(block, n, 16, 32, stride=2)
        self.stage3 = stage(block, n, 32, 64, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, classes)
        initialize(self)

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


resnet20 = partial(ResNetCifar, n=3)
resnet32 = partial(ResNetCifar, n=5)
resnet44 = partial(ResNetCifar, n=7)
resnet56 = partial(ResNetCifar, n=9)
resnet110 = partial(ResNetCifar, n=18)
plain20 = partial(ResNetCifar, n=3, shortcut="none")
plain32 = partial(ResNetCifar, n=5, shortcut="none")
plain44 = partial(ResNetCifar, n=7, shortcut="none")
plain56 = partial(ResNetCifar, n=9, shortcut="none")
plain110 = partial(ResNetCifar, n=18, shortcut="none")
