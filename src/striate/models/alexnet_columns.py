"""AlexNet on two devices, as it was trained: two columns that meet at conv3 and in the fully connected layers.

Source:
    Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012,
    section 3.2 and figure 2.

Departs from the paper:
    - fc8 is split as well, each device giving the scores of one half of the classes; figure 2 draws it in one piece.
    - what `models.alexnet` says of images and dropout.

Read as the figure, for one column and an input of 3 x 227 x 227:

    layer   sees                     out
    conv1   the images               48 x 55 x 55
    conv2   this column's 48         128 x 27 x 27
    conv3   both columns' 128        192 x 13 x 13
    conv4   this column's 192        192 x 13 x 13
    conv5   this column's 192        128 x 13 x 13
    fc6     both columns' 128 x 6^2  2048
    fc7     both columns' 2048       2048
    fc8     both columns' 2048       half of the classes
"""

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate.errors import OptionError
from striate.models.alexnet import AlexNet, ResponseNorm, even, pool5_size
from striate.nn import Conv2d, MaxPool2d, Stages

__all__ = ["Column", "TwoGpuAlexNet"]

# The layers before which each device fetches what the other has.
_MEET: Final = ("conv3", "fc6", "fc7", "fc8")


class Column(nn.Module):
    """What one device holds: of every layer, the half of its units.

    Args:
        classes: Of how many this column gives the scores.
        in_channels: Channels of the images.
        image_size: Height and width of the images; at least 64 each.
    """

    def __init__(self, classes: int, *, in_channels: int, image_size: tuple[int, int]) -> None:
        super().__init__()
        height, width = pool5_size(in_channels, image_size)
        self.conv1 = Conv2d(in_channels, 48, 11, stride=4, padding=[even(size) for size in image_size])
        self.conv2 = Conv2d(48, 128, 5, padding=2)
        self.conv3 = Conv2d(256, 192, 3, padding=1)
        self.conv4 = Conv2d(192, 192, 3, padding=1)
        self.conv5 = Conv2d(192, 128, 3, padding=1)
        self.fc6 = nn.Linear(256 * height * width, 2048)
        self.fc7 = nn.Linear(4096, 2048)
        self.fc8 = nn.Linear(4096, classes)
        self.norm1, self.norm2 = ResponseNorm(), ResponseNorm()
        self.pool1, self.pool2, self.pool5 = (MaxPool2d(3, 2) for _ in range(3))
        self.drop6, self.drop7 = nn.Dropout(0.5), nn.Dropout(0.5)
        self.relu = nn.ReLU()

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


class TwoGpuAlexNet(nn.Module):
    """`AlexNet(groups=2)`, with one column on each of two devices.

    Args:
        classes: Size of the last layer; at least 2.
        in_channels: Channels of the input.
        image_size: Height and width of the input; at least 64 each.
        devices: Where the columns are; the scores are on the first.

    Raises:
        OptionError: There are not two devices, or less than two classes.
        ShapeError: The images are too small for the poolings.

    Example:
        >>> network = TwoGpuAlexNet(10, image_size=(64, 64), devices=("cpu", "meta"))
        >>> [str(column.fc7.weight.device) for column in network.columns]
        ['cpu', 'meta']
    """

    def __init__(
        self,
        classes: int = 1000,
        *,
        in_channels: int = 3,
        image_size: tuple[int, int] = (227, 227),
        devices: Sequence[torch.device | str] = ("cuda:0", "cuda:1"),
    ) -> None:
        super().__init__()
        if isinstance(devices, str) or len(devices) != 2 or classes < 2:
            raise OptionError(
                "TwoGpuAlexNet: there are two columns, and each needs a device and a class.",
                "Pass two devices, as in ('cuda:0', 'cuda:1'), and two classes or more.",
                devices=devices,
                classes=classes,
            )
        self.devices = tuple(map(torch.device, devices))
        shares = (classes - classes // 2, classes // 2)
        self.columns = nn.ModuleList()
        for device, share in zip(self.devices, shares, strict=True):
            with device:  # where new tensors go
                self.columns.append(Column(share, in_channels=in_channels, image_size=image_size))
        self.load_whole(AlexNet(classes, in_channels=in_channels, image_size=image_size, groups=2).state_dict())

    def features(self, x: Float[Tensor, "N C H W"], *, until: str = "pool5") -> Float[Tensor, "N ..."]:
        """Map images to the output of the stage `until`, both columns' on the first device.

        Raises:
            OptionError: No stage has that name; the message lists those that exist.
        """
        columns: list[Stages] = [column.stages() for column in self.columns]  # pyright: ignore[reportCallIssue]
        if until not in columns[0]:
            raise OptionError(
                f"features: no stage is called {until!r}.",
                f"Choose one of: {', '.join(columns[0])}.",
                network=type(self).__name__,
            )
        halves = [x.to(device) for device in self.devices]
        for name in columns[0]:
            if name in _MEET:
                halves = [joined(halves, device) for device in self.devices]
            halves = [stages[name](half) for stages, half in zip(columns, halves, strict=True)]
            if name == until:
                break
        return joined(halves, self.devices[0])

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N classes"]:
        """Map images to unnormalised class scores, on the first device."""
        return self.features(x, until="fc8")

    def whole_state(self) -> dict[str, Tensor]:
        """Give the weights of `AlexNet(groups=2)`, on the first device."""
        first, second = (column.state_dict() for column in self.columns)
        return {name: joined([half, second[name]], self.devices[0], axis=0) for name, half in first.items()}

    def load_whole(self, state: Mapping[str, Tensor]) -> None:
        """Give each column its half of the weights of `AlexNet(groups=2)`.

        Raises:
            RuntimeError: They are another network's.
        """
        for i, (column, device) in enumerate(zip(self.columns, self.devices, strict=True)):
            column.load_state_dict({name: whole.tensor_split(2)[i].to(device) for name, whole in state.items()})


def joined(halves: Sequence[Tensor], device: torch.device, *, axis: int = 1) -> Tensor:
    """Bring both columns' halves to one device, side by side."""
    return torch.cat([half.to(device) for half in halves], axis)
