"""ZFNet: AlexNet with a finer first layer, found by looking at what AlexNet's had learned.

Source:
    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, figure 3; for the widths of
    the network (b), its table 2.

Departs from the paper:
    - contrast is normalised with AlexNet's constants; the paper gives none.
    - conv1 pads by 1 and the poolings count a last, partial window; the paper's 110, 55 and 13 need both, and it
      states neither.
    - dropout scales in training instead of halving in testing, which is the same on average.
    - other image sizes leave fc6 other inputs: as many as pool5 has outputs.

The options are others' departures:
    - `conv2="3x3"` is what some textbooks print; the paper's kernels are 5 x 5. Both end in 13 x 13 maps.
    - `norm="local"` is what they make of "contrast normalised across feature maps": local contrast normalisation
      (Jarrett et al. 2009), of pool5 as well.
    - `norm="pytorchcv"` is what the weights of that project were trained with: response normalisation before the
      pooling, with alpha divided by 5.

Read as the paper's figure, for an input of 3 x 224 x 224:

    layer   kernel  stride  out              parameters
    conv1   7       2       96 x 110 x 110   14,208
    pool1   3       2       96 x 55 x 55     0
    norm1   5 maps  -       96 x 55 x 55     0
    conv2   5       2       256 x 26 x 26    614,656     (3: 256 x 27 x 27, 221,440)
    pool2   3       2       256 x 13 x 13    0
    norm2   5 maps  -       256 x 13 x 13    0
    conv3   3       1       384 x 13 x 13    885,120     (b: 512 x 13 x 13, 1,180,160)
    conv4   3       1       384 x 13 x 13    1,327,488   (b: 1024 x 13 x 13, 4,719,616)
    conv5   3       1       256 x 13 x 13    884,992     (b: 512 x 13 x 13, 4,719,104)
    pool5   3       2       256 x 6 x 6      0
    norm5   -       -       256 x 6 x 6      0           (only in the local form)
    fc6     -       -       4096             37,752,832  (b: 75,501,568)
    fc7     -       -       4096             16,781,312
    fc8     -       -       classes          4,097,000   62,357,608 in all (3: 61,964,392; b: 107,627,624)
"""

from collections.abc import Callable
from functools import partial
from typing import Final, Literal

from torch import nn

from striate.errors import OptionError, ShapeError
from striate.models.alexnet import ResponseNorm
from striate.nn import Classifier, Conv2d, LocalContrastNorm, MaxPool2d, Stages
from striate.ops.geometry import named

__all__ = ["KERNELS", "NORMS", "ZFNet", "zfnet_b", "zfnet_notes"]

NORMS: Final[dict[str, Callable[[], nn.Module]]] = {
    "across": ResponseNorm,
    "local": partial(LocalContrastNorm, 9),
    "pytorchcv": partial(ResponseNorm, "pytorchcv"),
}
KERNELS: Final = {"5x5": 5, "3x3": 3}


class ZFNet(Classifier):
    """The network of figure 3.

    Args:
        classes: Size of the last layer.
        in_channels: Channels of the input.
        image_size: Height and width of the input; at least 47 each, or 39 with 3 x 3 kernels.
        conv2: The second layer's kernels: the paper's `5x5`, or `3x3`.
        widths: Kernels of conv3, conv4 and conv5.
        norm: How contrast is normalised: `across` maps after each of the first two poolings, `local`ly after all
            three, or as in `pytorchcv`.

    Raises:
        OptionError: There is no such option.
        ShapeError: The images are too small for the poolings.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     network = ZFNet()
        >>> sum(p.numel() for p in network.parameters())
        62357608
    """

    maps = "norm5"

    def __init__(
        self,
        classes: int = 1000,
        *,
        in_channels: int = 3,
        image_size: tuple[int, int] = (224, 224),
        conv2: Literal["5x5", "3x3"] = "5x5",
        widths: tuple[int, int, int] = (384, 384, 256),
        norm: Literal["across", "local", "pytorchcv"] = "across",
    ) -> None:
        super().__init__()
        check_options(conv2, norm)
        height, width = pool5_size(in_channels, image_size, KERNELS[conv2])
        self.conv1 = Conv2d(in_channels, 96, 7, stride=2, padding=1)
        self.conv2 = Conv2d(96, 256, KERNELS[conv2], stride=2)
        self.conv3 = Conv2d(256, widths[0], 3, padding=1)
        self.conv4 = Conv2d(widths[0], widths[1], 3, padding=1)
        self.conv5 = Conv2d(widths[1], widths[2], 3, padding=1)
        self.fc6 = nn.Linear(widths[2] * height * width, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, classes)
        self.norm1, self.norm2 = NORMS[norm](), NORMS[norm]()
        self.norm5 = NORMS[norm]() if norm == "local" else nn.Identity()
        self.norm_first = norm == "pytorchcv"
        self.pool1, self.pool2, self.pool5 = (MaxPool2d(3, 2, ceil_mode=True) for _ in range(3))
        self.drop6, self.drop7 = nn.Dropout(0.5), nn.Dropout(0.5)
        self.relu = nn.ReLU()
        for layer in self.children():
            if isinstance(layer, Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
                nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType] - all of them have one

    def stages(self) -> Stages:
        """List the rows of the table, each layer with its rectification and dropout."""
        first, second = {"pool1": self.pool1, "norm1": self.norm1}, {"pool2": self.pool2, "norm2": self.norm2}
        if self.norm_first:
            first, second = dict(reversed(first.items())), dict(reversed(second.items()))
        return {
            "conv1": lambda x: self.relu(self.conv1(x)),
            **first,
            "conv2": lambda x: self.relu(self.conv2(x)),
            **second,
            "conv3": lambda x: self.relu(self.conv3(x)),
            "conv4": lambda x: self.relu(self.conv4(x)),
            "conv5": lambda x: self.relu(self.conv5(x)),
            "pool5": self.pool5,
            "norm5": self.norm5,
            "fc6": lambda x: self.drop6(self.relu(self.fc6(x.flatten(1)))),
            "fc7": lambda x: self.drop7(self.relu(self.fc7(x))),
            "fc8": self.fc8,
        }


zfnet_b = partial(ZFNet, widths=(512, 1024, 512))
zfnet_notes = partial(ZFNet, conv2="3x3", norm="local")


def check_options(conv2: str, norm: str) -> None:
    """Refuse what is nobody's ZFNet.

    Raises:
        OptionError: There is no such option.
    """
    if conv2 not in KERNELS or norm not in NORMS:
        raise OptionError(
            "ZFNet: there is no such form of the network.",
            f"Choose conv2 {', '.join(map(repr, KERNELS))}, and norm {', '.join(map(repr, NORMS))}.",
            conv2=repr(conv2),
            norm=repr(norm),
        )


def pool5_size(in_channels: int, image_size: tuple[int, int], kernel: int) -> tuple[int, int]:
    """Give height and width of pool5's maps, for conv2's kernels of this size.

    Raises:
        ShapeError: Nothing is left of the images.

    Example:
        >>> pool5_size(3, (224, 227), 5)
        (6, 6)
    """
    height, width = (pooled(pooled((pooled((size - 5) // 2 + 1) - kernel) // 2 + 1)) for size in image_size)
    if min(height, width) < 1:
        raise ShapeError(
            f"ZFNet: images are too small for 7x7 and {kernel}x{kernel} windows in steps of 2 and three halvings.",
            "Enlarge the images to 47x47 or more; the paper's are 224x224.",
            images=named("C H W", (in_channels, *image_size)),
        )
    return height, width


def pooled(size: int) -> int:
    """Count the 3-wide windows in steps of 2 along an axis, a partial one included.

    >>> pooled(110), pooled(26), pooled(13)
    (55, 13, 6)
    """
    return -(-(size - 3) // 2) + 1
