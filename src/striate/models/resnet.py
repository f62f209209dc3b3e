"""ResNet-18, 34, 50, 101 and 152: the residual networks for ImageNet; and the plain counterparts of the first two.

Source:
    He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, table 1 and figures 3 and 5.

Departs from the paper:
    - normalisation keeps a moving average of its statistics; the paper's is exact, over the training images.
    - other channels and sizes than 3 x 224 x 224 are taken as they come: the network ends in an average over all
      positions.
    - options that the paper does not have: `stride_on="3x3"` is torchvision's network, which other weights are for;
      `zero_init` begins with every block as its shortcut alone (Goyal et al. 2017, section 5.1).

Parameters have torchvision's names, so that weights which the world has published load. Read as the paper's table 1,
for an input of 3 x 224 x 224:

    layer    output     18 layers              34 layers              50 layers
    conv1    112 x 112  7x7, 64, stride 2      the same               the same
    conv2_x  56 x 56    3x3 max pool, stride 2, and
                        [3x3, 64; twice] x 2   [3x3, 64; twice] x 3   [1x1, 64; 3x3, 64; 1x1, 256] x 3
    conv3_x  28 x 28    [3x3, 128; ...] x 2    [3x3, 128; ...] x 4    [1x1, 128; 3x3, 128; 1x1, 512] x 4
    conv4_x  14 x 14    [3x3, 256; ...] x 2    [3x3, 256; ...] x 6    [1x1, 256; 3x3, 256; 1x1, 1024] x 6
    conv5_x  7 x 7      [3x3, 512; ...] x 2    [3x3, 512; ...] x 3    [1x1, 512; 3x3, 512; 1x1, 2048] x 3
    pool     1 x 1      average over all positions
    fc       classes

ResNet-101 and 152 differ from 50 in conv3_x and conv4_x: 4 and 23 blocks, 8 and 36.
"""

from functools import partial
from typing import Final

from torch import nn

from striate.errors import OptionError
from striate.models.residual import Basic, Bottleneck, Shortcut, StrideOn, initialize, stage
from striate.nn import Classifier, Stages

__all__ = ["ResNet", "plain18", "plain34", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]

# layers with weights: whether the blocks are bottlenecks, and how many each stage has.
DEPTHS: Final = {
    18: (False, (2, 2, 2, 2)),
    34: (False, (3, 4, 6, 3)),
    50: (True, (3, 4, 6, 3)),
    101: (True, (3, 4, 23, 3)),
    152: (True, (3, 8, 36, 3)),
}


class ResNet(Classifier):
    """The network of table 1.

    Args:
        classes: Size of the last layer.
        depth: Layers with weights: 18, 34, 50, 101 or 152.
        in_channels: Channels of the input.
        shortcut: What is added to each block: A, B (the paper's from 50 layers on), C, or none for a plain network.
        stride_on: Which convolution of a bottleneck has the stride: 1x1 (the paper's) or 3x3 (torchvision's). The
            numbers of parameters are the same, and the function is another: weights for one are wrong for the other.
            Basic blocks, of 18 and 34 layers, have it on their first 3 x 3 convolution.
        zero_init: Whether each block begins as its shortcut alone.

    Raises:
        OptionError: The paper has no such depth, or there is no such option.

    Example:
        >>> sum(p.numel() for p in ResNet(depth=18).parameters())
        11689512
    """

    maps = "conv5_x"

    def __init__(
        self,
        classes: int = 1000,
        *,
        depth: int,
        in_channels: int = 3,
        shortcut: Shortcut = "B",
        stride_on: StrideOn = "1x1",
        zero_init: bool = False,
    ) -> None:
        super().__init__()
        if depth not in DEPTHS:
            depths = ", ".join(map(str, DEPTHS))
            raise OptionError("resnet: the paper has no network so deep.", f"Choose one of: {depths}.", depth=depth)
        deep, (n2, n3, n4, n5) = DEPTHS[depth]
        block = (
            partial(Bottleneck, shortcut=shortcut, stride_on=stride_on) if deep else partial(Basic, shortcut=shortcut)
        )
        wide = 4 if deep else 1
        self.conv1 = nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = stage(block, n2, 64, 64 * wide, stride=1)
        self.layer2 = stage(block, n3, 64 * wide, 128 * wide, stride=2)
        self.layer3 = stage(block, n4, 128 * wide, 256 * wide, stride=2)
        self.layer4 = stage(block, n5, 256 * wide, 512 * wide, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512 * wide, classes)
        initialize(self, zero_init=zero_init)

    def stages(self) -> Stages:
        """List the rows of table 1."""
        return {
            "conv1": lambda x: self.relu(self.bn1(self.conv1(x))),
            "conv2_x": lambda x: self.layer1(self.maxpool(x)),
            "conv3_x": self.layer2,
            "conv4_x": self.layer3,
            "conv5_x": self.layer4,
            "pool": lambda x: self.avgpool(x).flatten(1),
            "fc": self.fc,
        }


# Only a bottleneck has a choice of where its stride is.
resnet18 = partial(ResNet, depth=18, stride_on="3x3")
resnet34 = partial(ResNet, depth=34, stride_on="3x3")
resnet50 = partial(ResNet, depth=50)
resnet101 = partial(ResNet, depth=101)
resnet152 = partial(ResNet, depth=152)
plain18 = partial(ResNet, depth=18, shortcut="none", stride_on="3x3", zero_init=False)
plain34 = partial(ResNet, depth=34, shortcut="none", stride_on="3x3", zero_init=False)
