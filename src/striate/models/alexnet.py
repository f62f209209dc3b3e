"""AlexNet: the network that won ILSVRC 2012.

Source:
    Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012,
    section 3.

Departs from the paper:
    - one device, and no groups: every kernel sees all maps below it. `groups=2` is the paper's two columns (60,965,224
      parameters), normalised each by itself as they only meet where figure 2 says; `models.alexnet_columns` places
      them on two devices.
    - images are 227 x 227. The paper says 224, of which its 11 x 11 windows in steps of 4 do not make 55: where
      windows do not come out even, conv1 pads, by 2 and 1 at 224, and so gives the same 55 positions.
    - dropout scales in training instead of halving in testing, which is the same on average.
    - other image sizes leave fc6 other inputs: as many as pool5 has outputs.

The options are others' departures:
    - `dropout="before"` drops the inputs of fc6 and fc7 instead of their outputs, as torchvision does.
    - `batch_norm=True` normalises the batch between each convolution and its rectification (Ioffe and Szegedy 2015),
      in place of the convolution's offsets and of response normalisation.
    - `norm="caffe"` and `norm="pytorchcv"` have the constants that weights of these projects were trained with: they
      divide alpha by 5, Caffe adds to 1 instead of 2, and both normalise across the two columns.

Read as the paper's section, for an input of 3 x 227 x 227:

    layer   kernel  stride  out            parameters
    conv1   11      4       96 x 55 x 55   34,944
    norm1   5 maps  -       96 x 55 x 55   0
    pool1   3       2       96 x 27 x 27   0
    conv2   5       1       256 x 27 x 27  614,656     (307,456 in two groups)
    norm2   5 maps  -       256 x 27 x 27  0
    pool2   3       2       256 x 13 x 13  0
    conv3   3       1       384 x 13 x 13  885,120
    conv4   3       1       384 x 13 x 13  1,327,488   (663,936 in two groups)
    conv5   3       1       256 x 13 x 13  884,992     (442,624 in two groups)
    pool5   3       2       256 x 6 x 6    0
    fc6     -       -       4096           37,752,832
    fc7     -       -       4096           16,781,312
    fc8     -       -       classes        4,097,000   62,378,344 in all (60,965,224)
"""

from functools import partial
from typing import Any, Final, Literal

from jaxtyping import Float
from torch import Tensor, nn

from striate.errors import OptionError, ShapeError
from striate.nn import Classifier, Conv2d, LocalResponseNorm, MaxPool2d, Stages
from striate.ops.geometry import named

__all__ = ["NORMS", "AlexNet", "ResponseNorm", "alexnet_two_gpu"]

NORMS: Final[dict[str, dict[str, Any]]] = {
    "paper": {"k": 2.0, "scale": "sum"},
    "caffe": {"k": 1.0, "scale": "mean"},
    "pytorchcv": {"k": 2.0, "scale": "mean"},
}

# Layers whose offsets start at 1, so that their units are not rectified away from the first (section 5).
_OFFSET: Final = ("conv2", "conv4", "conv5", "fc6", "fc7")


class ResponseNorm(nn.Module):
    """The response normalisation of section 3.3, of each column by itself.

    Args:
        norm: Whose constants: one of `NORMS`.
        columns: Into how many blocks the maps are split.
    """

    def __init__(self, norm: str = "paper", columns: int = 1) -> None:
        super().__init__()
        self.columns = columns
        self.norm = LocalResponseNorm(5, alpha=1e-4, beta=0.75, **NORMS[norm])

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
        """Normalise across neighbouring maps; the columns go as if they were examples."""
        if self.columns == 1:
            return self.norm(x)
        halves = self.norm(x.unflatten(1, (self.columns, -1)).flatten(0, 1))
        return halves.unflatten(0, (-1, self.columns)).flatten(1, 2)


class AlexNet(Classifier):
    """The network of section 3, on one device.

    Args:
        classes: Size of the last layer.
        in_channels: Channels of the input.
        image_size: Height and width of the input; at least 64 each.
        groups: Columns into which conv2, conv4 and conv5 are split: 1, or the paper's 2.
        dropout: Whether units are dropped `after` fc6 and fc7, as in the paper, or `before` them.
        batch_norm: Whether batches are normalised instead of responses.
        norm: Whose response normalisation: the `paper`'s, `caffe`'s or `pytorchcv`'s.

    Raises:
        OptionError: There is no such option.
        ShapeError: The images are too small for the poolings.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     network = AlexNet()
        >>> sum(p.numel() for p in network.parameters())
        62378344
    """

    maps = "pool5"

    def __init__(
        self,
        classes: int = 1000,
        *,
        in_channels: int = 3,
        image_size: tuple[int, int] = (227, 227),
        groups: Literal[1, 2] = 1,
        dropout: Literal["after", "before"] = "after",
        batch_norm: bool = False,
        norm: Literal["paper", "caffe", "pytorchcv"] = "paper",
    ) -> None:
        super().__init__()
        check_options(groups, dropout, norm)
        height, width = pool5_size(in_channels, image_size)
        conv = partial(Conv2d, bias=not batch_norm)
        self.conv1 = conv(in_channels, 96, 11, stride=4, padding=[even(size) for size in image_size])
        self.conv2 = conv(96, 256, 5, padding=2, groups=groups)
        self.conv3 = conv(256, 384, 3, padding=1)
        self.conv4 = conv(384, 384, 3, padding=1, groups=groups)
        self.conv5 = conv(384, 256, 3, padding=1, groups=groups)
        self.fc6 = nn.Linear(256 * height * width, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, classes)
        self.bn1, self.bn2, self.bn3, self.bn4, self.bn5 = (
            nn.BatchNorm2d(kernels) if batch_norm else nn.Identity() for kernels in (96, 256, 384, 384, 256)
        )
        columns = groups if norm == "paper" else 1
        self.norm1, self.norm2 = (nn.Identity() if batch_norm else ResponseNorm(norm, columns) for _ in range(2))
        self.pool1, self.pool2, self.pool5 = (MaxPool2d(3, 2) for _ in range(3))
        self.drop6, self.drop7 = nn.Dropout(0.5), nn.Dropout(0.5)
        self.drops_before = dropout == "before"
        self.relu = nn.ReLU()
        for name, layer in self.named_children():
            if isinstance(layer, Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
                if layer.bias is not None:
                    nn.init.constant_(layer.bias, float(name in _OFFSET))

    def stages(self) -> Stages:
        """List the rows of the table, each layer with its rectification and dropout."""
        return {
            "conv1": lambda x: self.relu(self.bn1(self.conv1(x))),
            "norm1": self.norm1,
            "pool1": self.pool1,
            "conv2": lambda x: self.relu(self.bn2(self.conv2(x))),
            "norm2": self.norm2,
            "pool2": self.pool2,
            "conv3": lambda x: self.relu(self.bn3(self.conv3(x))),
            "conv4": lambda x: self.relu(self.bn4(self.conv4(x))),
            "conv5": lambda x: self.relu(self.bn5(self.conv5(x))),
            "pool5": self.pool5,
            "fc6": lambda x: self.dense(self.fc6, self.drop6, x.flatten(1)),
            "fc7": lambda x: self.dense(self.fc7, self.drop7, x),
            "fc8": self.fc8,
        }

    def dense(self, layer: nn.Module, drop: nn.Module, x: Float[Tensor, "N F"]) -> Float[Tensor, "N 4096"]:
        """Run a fully connected layer, its rectification and its dropout, in the order asked for."""
        return self.relu(layer(drop(x))) if self.drops_before else drop(self.relu(layer(x)))


alexnet_two_gpu = partial(AlexNet, groups=2)


def check_options(groups: int, dropout: str, norm: str) -> None:
    """Refuse what is nobody's AlexNet.

    Raises:
        OptionError: There is no such option.
    """
    if groups not in (1, 2) or dropout not in ("after", "before") or norm not in NORMS:
        raise OptionError(
            "AlexNet: there is no such form of the network.",
            f"Choose groups 1 or 2, dropout 'after' or 'before', and norm {', '.join(map(repr, NORMS))}.",
            groups=groups,
            dropout=repr(dropout),
            norm=repr(norm),
        )


def even(size: int) -> tuple[int, int]:
    """Count the pixels to add before and after, for conv1's windows to come out even.

    >>> even(227), even(224)
    ((0, 0), (2, 1))
    """
    missing = -(size - 11) % 4
    return missing - missing // 2, missing // 2


def pool5_size(in_channels: int, image_size: tuple[int, int]) -> tuple[int, int]:
    """Give height and width of pool5's maps.

    Raises:
        ShapeError: Nothing is left of the images.

    Example:
        >>> pool5_size(3, (227, 224))
        (6, 6)
    """
    height, width = (halved(halved(halved(-(-(size - 11) // 4) + 1))) for size in image_size)
    if min(height, width) < 1:
        raise ShapeError(
            "AlexNet: images are too small for 11x11 windows in steps of 4 and three halvings.",
            "Enlarge the images to 64x64 or more; the paper's are 224x224.",
            images=named("C H W", (in_channels, *image_size)),
        )
    return height, width


def halved(size: int) -> int:
    """Count the 3-wide windows in steps of 2 along an axis.

    >>> halved(55), halved(27), halved(13)
    (27, 13, 6)
    """
    return (size - 3) // 2 + 1
