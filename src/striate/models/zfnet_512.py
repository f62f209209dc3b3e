"""The ZFNet that Caffe2 trained and the ONNX zoo calls ZFNet-512.

Source:
    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, table 2, the row of layers 3
    to 5 with 512, 1024 and 512 maps; and the two files that say what became of it: Caffe2's model zoo
    (facebookarchive/models), `zfnet512/predict_net.pbtxt`, has the steps and their constants, and the ONNX zoo's file,
    as a published listing shows it, the shapes.

Departs from the paper:
    - as these files do: conv4 has 512 kernels instead of 1024, and fc7 1024 units instead of 4096.
    - conv1 pads nothing, and poolings leave out a last, partial window: 109, 54, 25 and 12 instead of 110, 55, 26 and
      13. pool5 takes the largest of 2 x 2 instead of 3 x 3.
    - contrast is normalised before the poolings, with AlexNet's constants (theirs is 5e-4, by the 5 maps).
    - units are dropped after fc6 and fc7, and the first weights are small, as in the paper; the files are for testing
      and say neither. Dropout scales in training instead of halving in testing, which is the same on average.
    - other image sizes leave fc6 other inputs: as many as pool5 has outputs.

Read as Caffe2's file, for an input of 3 x 224 x 224:

    layer   kernel  stride  out             parameters
    conv1   7       2       96 x 109 x 109  14,208
    norm1   5 maps  -       96 x 109 x 109  0
    pool1   3       2       96 x 54 x 54    0
    conv2   5       2       256 x 25 x 25   614,656
    norm2   5 maps  -       256 x 25 x 25   0
    pool2   3       2       256 x 12 x 12   0
    conv3   3       1       512 x 12 x 12   1,180,160
    conv4   3       1       512 x 12 x 12   2,359,808
    conv5   3       1       512 x 12 x 12   2,359,808
    pool5   2       2       512 x 6 x 6     0
    fc6     -       -       4096            75,501,568
    fc7     -       -       1024            4,195,328
    fc8     -       -       classes         1,025,000    87,250,536 in all
"""

from functools import reduce

from torch import nn

from striate.errors import ShapeError
from striate.models.alexnet import ResponseNorm
from striate.nn import Classifier, Conv2d, MaxPool2d, Stages
from striate.ops.geometry import named

__all__ = ["ZFNet512"]


class ZFNet512(Classifier):
    """The network of Caffe2's file.

    Args:
        classes: Size of the last layer.
        in_channels: Channels of the input.
        image_size: Height and width of the input; at least 59 each.

    Raises:
        ShapeError: The images are too small for the poolings.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     network = ZFNet512()
        >>> sum(p.numel() for p in network.parameters())
        87250536
    """

    maps = "pool5"

    def __init__(self, classes: int = 1000, *, in_channels: int = 3, image_size: tuple[int, int] = (224, 224)) -> None:
        super().__init__()
        height, width = pool5_size(in_channels, image_size)
        self.conv1 = Conv2d(in_channels, 96, 7, stride=2)
        self.conv2 = Conv2d(96, 256, 5, stride=2)
        self.conv3 = Conv2d(256, 512, 3, padding=1)
        self.conv4 = Conv2d(512, 512, 3, padding=1)
        self.conv5 = Conv2d(512, 512, 3, padding=1)
        self.fc6 = nn.Linear(512 * height * width, 4096)
        self.fc7 = nn.Linear(4096, 1024)
        self.fc8 = nn.Linear(1024, classes)
        self.norm1, self.norm2 = ResponseNorm(), ResponseNorm()
        self.pool1, self.pool2, self.pool5 = MaxPool2d(3, 2), MaxPool2d(3, 2), MaxPool2d(2, 2)
        self.drop6, self.drop7 = nn.Dropout(0.5), nn.Dropout(0.5)
        self.relu = nn.ReLU()
        for layer in self.children():
            if isinstance(layer, Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
                nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType] - all of them have one

    def stages(self) -> Stages:
        """List the rows of the table, each layer with its rectification and dropout."""
        return {
            "conv1": lambda x: self.relu(self.conv1(x)),
            "norm1": self.norm1,
            "pool1": self.pool1,
            "conv2": lambda x: self.relu(self.conv2(x)),
            "norm2": self.norm2,
            "pool2": self.pool2,
            "conv3": lambda x: self.relu(self.conv3(x)),
            "conv4": lambda x: self.relu(self.conv4(x)),
            "conv5": lambda x: self.relu(self.conv5(x)),
            "pool5": self.pool5,
            "fc6": lambda x: self.drop6(self.relu(self.fc6(x.flatten(1)))),
            "fc7": lambda x: self.drop7(self.relu(self.fc7(x))),
            "fc8": self.fc8,
        }


def pool5_size(in_channels: int, image_size: tuple[int, int]) -> tuple[int, int]:
    """Give height and width of pool5's maps.

    Raises:
        ShapeError: Nothing is left of the images.

    Example:
        >>> pool5_size(3, (224, 59))
        (6, 1)
    """
    kernels = (7, 3, 5, 3, 2)  # of all that goes in steps of 2; nothing else changes the size
    height, width = (reduce(lambda left, kernel: (left - kernel) // 2 + 1, kernels, size) for size in image_size)
    if min(height, width) < 1:
        raise ShapeError(
            "ZFNet-512: images are too small for 7x7 and 5x5 windows in steps of 2 and three halvings.",
            "Enlarge the images to 59x59 or more; the network's are 224x224.",
            images=named("C H W", (in_channels, *image_size)),
        )
    return height, width
