"""Networks by name. To add one: write its file, add one line to the table."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from striate.errors import OptionError
from striate.models.alexnet import AlexNet, alexnet_two_gpu
from striate.models.alexnet_columns import TwoGpuAlexNet
from striate.models.alexnet_owt import AlexNetOwt
from striate.models.lenet5 import LeNet5
from striate.models.lenet5_1998 import LeNet5Original
from striate.models.outline import Outline, outline
from striate.models.resnet import ResNet, plain18, plain34, resnet18, resnet34, resnet50, resnet101, resnet152
from striate.models.resnet_cifar import (
    ResNetCifar,
    plain20,
    plain32,
    plain44,
    plain56,
    plain110,
    resnet20,
    resnet32,
    resnet44,
    resnet56,
    resnet110,
)
from striate.models.summary import Summary, summary
from striate.models.weights import OWN, Card, load_packed, load_weights, own_weights, published
from striate.models.weights.load import agreed
from striate.models.zfnet import ZFNet, zfnet_b, zfnet_notes
from striate.models.zfnet_512 import ZFNet512
from striate.nn import Classifier

__all__ = [
    "MODELS",
    "AlexNet",
    "AlexNetOwt",
    "Entry",
    "LeNet5",
    "LeNet5Original",
    "Outline",
    "ResNet",
    "ResNetCifar",
    "Summary",
    "TwoGpuAlexNet",
    "ZFNet",
    "ZFNet512",
    "create",
    "options_of",
    "outline",
    "summary",
]

# Of anything that is counted here. More would be a slip of the hand, and fill the memory.
_MOST: Final = 1_000_000
_LENET = "LeCun et al. 1998"
_RESNET = "He et al. 2016, table 1"
_CIFAR = "He et al. 2016, section 4.2"
_ALEXNET = "Krizhevsky et al. 2012"
_ZFNET = "Zeiler and Fergus 2014"


@dataclass(frozen=True)
class Entry:
    """A row of the table of networks.

    Args:
        build: Makes the network from `classes` and `in_channels`, from `image_size` if it is `sized`, and from the
            options that are its own.
        classes: The paper's.
        channels: Channels of the paper's images.
        image_size: Height and width of the paper's images.
        source: The paper.
        sized: Whether the network is made for one image size; the others take any.
    """

    build: Callable[..., Classifier]
    classes: int
    channels: int
    image_size: tuple[int, int]
    source: str
    sized: bool = False


MODELS: Final[dict[str, Entry]] = {
    "lenet5": Entry(LeNet5, 10, 1, (32, 32), _LENET, sized=True),
    "resnet18": Entry(resnet18, 1000, 3, (224, 224), _RESNET),
    "resnet34": Entry(resnet34, 1000, 3, (224, 224), _RESNET),
    "resnet50": Entry(resnet50, 1000, 3, (224, 224), _RESNET),
    "resnet101": Entry(resnet101, 1000, 3, (224, 224), _RESNET),
    "resnet152": Entry(resnet152, 1000, 3, (224, 224), _RESNET),
    "plain18": Entry(plain18, 1000, 3, (224, 224), _RESNET),
    "plain34": Entry(plain34, 1000, 3, (224, 224), _RESNET),
    "resnet20": Entry(resnet20, 10, 3, (32, 32), _CIFAR),
    "resnet32": Entry(resnet32, 10, 3, (32, 32), _CIFAR),
    "resnet44": Entry(resnet44, 10, 3, (32, 32), _CIFAR),
    "resnet56": Entry(resnet56, 10, 3, (32, 32), _CIFAR),
    "resnet110": Entry(resnet110, 10, 3, (32, 32), _CIFAR),
    "plain20": Entry(plain20, 10, 3, (32, 32), _CIFAR),
    "plain32": Entry(plain32, 10, 3, (32, 32), _CIFAR),
    "plain44": Entry(plain44, 10, 3, (32, 32), _CIFAR),
    "plain56": Entry(plain56, 10, 3, (32, 32), _CIFAR),
    "plain110": Entry(plain110, 10, 3, (32, 32), _CIFAR),
    "lenet5-1998": Entry(LeNet5Original, 10, 1, (32, 32), _LENET, sized=True),
    "alexnet": Entry(AlexNet, 1000, 3, (227, 227), _ALEXNET, sized=True),
    "alexnet-two-gpu": Entry(alexnet_two_gpu, 1000, 3, (227, 227), _ALEXNET, sized=True),
    "alexnet-owt": Entry(AlexNetOwt, 1000, 3, (224, 224), "Krizhevsky 2014, as in torchvision"),
    "zfnet": Entry(ZFNet, 1000, 3, (224, 224), _ZFNET, sized=True),
    "zfnet-notes": Entry(zfnet_notes, 1000, 3, (224, 224), "Zeiler and Fergus 2014, as in textbooks", sized=True),
    "zfnet-b": Entry(zfnet_b, 1000, 3, (224, 224), "Zeiler and Fergus 2014, table 2", sized=True),
    "zfnet-512": Entry(ZFNet512, 1000, 3, (224, 224), "Zeiler and Fergus 2014, as in the ONNX zoo", sized=True),
}


def create(
    name: str,
    *,
    classes: int | None = None,
    in_channels: int | None = None,
    image_size: tuple[int, int] | None = None,
    weights: str | None = None,
    **options: Any,
) -> Classifier:
    """Build the network called `name`, with fresh weights, ours, or published ones.

    Args:
        name: A name of `MODELS`.
        classes: Size of the last layer; None for the paper's, or for that of our weights.
        in_channels: Channels of the images; likewise.
        image_size: Height and width of the images, in pixels; likewise.
        weights: The name of weights in the package, or of published ones (`models.weights`), which are loaded, all of
            them, with the options that they were trained with; None for fresh ones. For another number of classes
            the head stays fresh, and the network's `left_out` names its tensors. They have to be on this machine:
            nothing is fetched.
        options: What the network's own class takes besides.

    Raises:
        OptionError: No network has that name, or it has no such option; the message lists those that exist. Or a
            number is out of range.
        ShapeError: The network cannot take images of that size.
        WeightsError: The weights are not on this machine (the message says how they get there), damaged, or do not
            fit what was asked for.

    Example:
        >>> create("resnet20", in_channels=1).fc
        Linear(in_features=64, out_features=10, bias=True)
        >>> pets = create("resnet20", weights="digits", classes=3)
        >>> pets.conv1.in_channels, pets.left_out
        (1, ('fc.weight', 'fc.bias'))
    """
    if name not in MODELS:
        raise OptionError(f"create: no model is called {name!r}.", f"Choose one of: {', '.join(MODELS)}.", name=name)
    own = own_weights(name, weights) if weights in OWN.get(name, ()) else None
    entry = _of_card(MODELS[name], own.card) if own else MODELS[name]
    classes = entry.classes if classes is None else classes
    channels = entry.channels if in_channels is None else in_channels
    size = tuple(image_size or entry.image_size)
    if not all(1 <= number <= _MOST for number in (classes, channels, *size)):
        raise OptionError(
            "create: a number is out of range.",
            f"Pass 1 to {_MOST:,} each.",
            classes=classes,
            in_channels=channels,
            image_size=size,
        )
    row = published(name, weights) if weights is not None and not own else None
    trained = row.options if row else {**options_of(name), **own.card.options} if own else {}
    options = agreed(f"{name} {weights}", trained, options)
    known = options_of(name)
    if unknown := [option for option in options if option not in known]:
        raise OptionError(
            f"create: {name} has no option called {', '.join(map(repr, unknown))}.",
            f"Choose from: {', '.join(known)}." if known else "It has none; leave it out.",
            **options,
        )
    sized = {"image_size": size} if entry.sized else {}
    network = entry.build(classes=classes, in_channels=channels, **sized, **options)
    if own:
        load_packed(network, own, new_head=classes != entry.classes)
    elif row:
        load_weights(network, row, new_head=classes != row.classes)
    return network


def _of_card(entry: Entry, card: Card) -> Entry:
    """Take the numbers of the data that weights were trained on for the paper's."""
    known = card.network
    size = tuple(known["image_size"])
    return replace(entry, classes=known["classes"], channels=known["in_channels"], image_size=size)


def options_of(name: str) -> dict[str, Any]:
    """List the options that are a network's own, with their defaults.

    Example:
        >>> options_of("resnet18")
        {'shortcut': 'B', 'zero_init': False}
    """
    build = MODELS[name].build
    fixed = build.keywords if isinstance(build, partial) else {}
    taken = inspect.signature(build).parameters.values()
    own = {p.name: p.default for p in taken if p.kind is p.KEYWORD_ONLY and p.name not in fixed}
    return {name: default for name, default in own.items() if name not in ("in_channels", "image_size")}
