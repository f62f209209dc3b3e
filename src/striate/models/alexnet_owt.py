"""The one-column AlexNet that torchvision calls AlexNet.

Source:
    Krizhevsky, "One weird trick for parallelizing convolutional neural networks", arXiv 1404.5997 (2014), the
    one-column network of its footnote 1; and torchvision, `models/alexnet.py`.

Departs from the paper:
    - as torchvision does: conv4 has 256 kernels instead of 384, dropout comes before fc6 and fc7 instead of after, and
      an average over 6 x 6 cells lets the network take images of any size.
    - the first weights are PyTorch's defaults, as torchvision's are.

Its weights are saved and loaded by the names that torchvision gives them, so that files go both ways;
`named_parameters` has those of the table.

Read as torchvision's file, for an input of 3 x 224 x 224:

    layer    kernel  stride  out            parameters
    conv1    11      4       64 x 55 x 55   23,296
    pool1    3       2       64 x 27 x 27   0
    conv2    5       1       192 x 27 x 27  307,392
    pool2    3       2       192 x 13 x 13  0
    conv3    3       1       384 x 13 x 13  663,936
    conv4    3       1       256 x 13 x 13  884,992
    conv5    3       1       256 x 13 x 13  590,080
    pool5    3       2       256 x 6 x 6    0
    average  -       -       256 x 6 x 6    0
    fc6      -       -       4096           37,752,832
    fc7      -       -       4096           16,781,312
    fc8      -       -       classes        4,097,000    61,100,840 in all
"""

from collections.abc import Mapping
from typing import Any, Final

from torch import nn

from striate.nn import Classifier, Conv2d, MaxPool2d, Stages

__all__ = ["TORCHVISION_NAMES", "AlexNetOwt"]

# A module cannot have torchvision's `features` as a child and `features(x)` as a method: files have its names, we ours.
TORCHVISION_NAMES: Final[dict[str, str]] = {
    "conv1": "features.0",
    "conv2": "features.3",
    "conv3": "features.6",
    "conv4": "features.8",
    "conv5": "features.10",
    "fc6": "classifier.1",
    "fc7": "classifier.4",
    "fc8": "classifier.6",
}


class AlexNetOwt(Classifier):
    """torchvision's AlexNet.

    Args:
        classes: Size of the last layer.
        in_channels: Channels of the input, which may be of any size from 63 x 63.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     network = AlexNetOwt()
        >>> sum(p.numel() for p in network.parameters()), list(network.state_dict())[0]
        (61100840, 'features.0.weight')
    """

    maps = "pool5"

    def __init__(self, classes: int = 1000, *, in_channels: int = 3) -> None:
        super().__init__()
        self.conv1 = Conv2d(in_channels, 64, 11, stride=4, padding=2)
        self.conv2 = Conv2d(64, 192, 5, padding=2)
        self.conv3 = Conv2d(192, 384, 3, padding=1)
        self.conv4 = Conv2d(384, 256, 3, padding=1)
        self.conv5 = Conv2d(256, 256, 3, padding=1)
        self.fc6 = nn.Linear(256 * 6 * 6, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, classes)
        self.pool1, self.pool2, self.pool5 = (MaxPool2d(3, 2) for _ in range(3))
        self.average = nn.AdaptiveAvgPool2d(6)
        self.drop6, self.drop7 = nn.Dropout(0.5), nn.Dropout(0.5)
        self.relu = nn.ReLU()
        self.register_state_dict_post_hook(_to_torchvision)
        self.register_load_state_dict_pre_hook(_from_torchvision)

    def stages(self) -> Stages:
        """List the rows of the table, each layer with its rectification and dropout."""
        return {
            "conv1": lambda x: self.relu(self.conv1(x)),
            "pool1": self.pool1,
            "conv2": lambda x: self.relu(self.conv2(x)),
            "pool2": self.pool2,
            "conv3": lambda x: self.relu(self.conv3(x)),
            "conv4": lambda x: self.relu(self.conv4(x)),
            "conv5": lambda x: self.relu(self.conv5(x)),
            "pool5": self.pool5,
            "average": self.average,
            "fc6": lambda x: self.relu(self.fc6(self.drop6(x.flatten(1)))),
            "fc7": lambda x: self.relu(self.fc7(self.drop7(x))),
            "fc8": self.fc8,
        }


def _to_torchvision(_module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    _rename(state, prefix, TORCHVISION_NAMES)


def _from_torchvision(_module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    _rename(state, prefix, {theirs: ours for ours, theirs in TORCHVISION_NAMES.items()})


def _rename(state: dict[str, Any], prefix: str, names: Mapping[str, str]) -> None:
    """Give the tensors of the layers that are renamed their other names, in place and in order."""
    for key in [key for key in state if key.startswith(prefix)]:
        layer, _, tensor = key.removeprefix(prefix).rpartition(".")
        state[f"{prefix}{names[layer]}.{tensor}" if layer in names else key] = state.pop(key)
