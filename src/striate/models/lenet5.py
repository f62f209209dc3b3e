"""LeNet-5: the network that read handwritten digits on cheques, in its modern form.

Source:
    LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition",
    Proceedings of the IEEE 86 (1998), figure 2 and section II.B.

Departs from the paper:
    - C3 sees all six maps of S2; the paper's table I connects ten of its sixteen kernels to three or four.
    - S2 and S4 take the maximum; the paper's average, with a trained gain and offset a map.
    - units are rectified; the paper's are squashed by 1.7159 tanh(2x/3).
    - the output is linear with a softmax; the paper's measures distances to drawn characters (RBF).
    - other input sizes than 32 x 32 leave C5 another kernel: as large as S4's maps are.

Read as the paper's section, for an input of 1 x 32 x 32:

    layer   kernel  out           parameters
    C1      5       6 x 28 x 28   156
    S2      2       6 x 14 x 14   0
    C3      5       16 x 10 x 10  2,416
    S4      2       16 x 5 x 5    0
    C5      5       120           48,120
    F6      -       84            10,164
    output  -       10            850            61,706 in all
"""

from torch import nn

from striate.errors import ShapeError
from striate.nn import Classifier, Stages
from striate.ops.geometry import named

__all__ = ["LeNet5", "s4_size"]


class LeNet5(Classifier):
    """The network of figure 2, rectified.

    Args:
        classes: Size of the last layer.
        in_channels: Channels of the input.
        image_size: Height and width of the input; at least 16 each.

    Raises:
        ShapeError: The images are too small for two 5 x 5 convolutions, each halved.

    Example:
        >>> sum(p.numel() for p in LeNet5().parameters())
        61706
    """

    maps = "C5"

    def __init__(self, classes: int = 10, *, in_channels: int = 1, image_size: tuple[int, int] = (32, 32)) -> None:
        super().__init__()
        self.C1 = nn.Conv2d(in_channels, 6, 5)
        self.S2 = nn.MaxPool2d(2)
        self.C3 = nn.Conv2d(6, 16, 5)
        self.S4 = nn.MaxPool2d(2)
        self.C5 = nn.Conv2d(16, 120, s4_size("LeNet5", in_channels, image_size))
        self.F6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, classes)
        self.relu = nn.ReLU()
        for layer in (self.C1, self.C3, self.C5, self.F6):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType] - all four have a bias

    def stages(self) -> Stages:
        """List the layers of figure 2, each with its squashing."""
        return {
            "C1": lambda x: self.relu(self.C1(x)),
            "S2": self.S2,
            "C3": lambda x: self.relu(self.C3(x)),
            "S4": self.S4,
            "C5": lambda x: self.relu(self.C5(x)),
            "F6": lambda x: self.relu(self.F6(x.flatten(1))),
            "output": self.output,
        }


def s4_size(caller: str, in_channels: int, image_size: tuple[int, int]) -> tuple[int, int]:
    """Give height and width of S4's maps.

    Args:
        caller: Which network asks, for the error.
        in_channels: Channels of the input.
        image_size: Height and width of the input.

    Raises:
        ShapeError: Nothing is left of the images.

    Example:
        >>> s4_size("LeNet5", 1, (32, 28))
        (5, 4)
    """
    height, width = (((size - 4) // 2 - 4) // 2 for size in image_size)
    if min(height, width) < 1:
        raise ShapeError(
            f"{caller}: images are too small for two 5x5 convolutions, each followed by halving.",
            "Enlarge the images to 16x16 or more; the paper's are 32x32.",
            images=named("C H W", (in_channels, *image_size)),
        )
    return height, width
