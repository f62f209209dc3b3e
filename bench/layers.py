"""The convolution layers that the engine is held to, and how any one of them is timed.

Ours is `engine.conv2d` of a channels_last input, without gradients; PyTorch's is `torch.nn.functional.conv2d` of
an input and a weight in channels_last, and of both contiguous. They take turns, all three; the ratio is taken against
the better of PyTorch's two. The engine estimates: what was measured before does not count, unless STRIATE_WISDOM names
a file of it.
"""

import argparse
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.harness import Result, compare
from striate.engine import Problem, conv2d, plan
from striate.models import MODELS, create

__all__ = [
    "NAMED",
    "NETWORKS",
    "Layer",
    "Raced",
    "affordable",
    "asked",
    "close",
    "geometric_mean",
    "layers_of",
    "milliseconds",
    "network",
    "operands",
    "race",
    "raced",
]

os.environ.setdefault("STRIATE_WISDOM", "off")

LAST, FIRST = torch.channels_last, torch.contiguous_format
MOST_MULTIPLY_ADDS = 1e11  # of all turns of one layer and one candidate
OURS, LAYOUTS = "engine", ("torch channels_last", "torch contiguous")


@dataclass(frozen=True)
class Layer:
    """A convolution without its numbers.

    Args:
        channels: Of the input.
        kernels: Channels of the output.
        size: Height and width of the input.
        taps: Height and width of a kernel.
        stride: Input samples from one position to the next, both ways.
        padding: Zeros on each side; None for half a kernel.
        dilation: Input samples from one tap to the next.
        groups: Blocks into which the channels are split.
        held: The speed-up that is asked for, at batch 1 and 8; None where none is.
        kind: What it is averaged with.
    """

    channels: int
    kernels: int
    size: tuple[int, int]
    taps: tuple[int, int]
    stride: int = 1
    padding: tuple[int, int] | None = None
    dilation: int = 1
    groups: int = 1
    held: tuple[float | None, float | None] = (None, None)
    kind: str = ""

    @property
    def pads(self) -> tuple[int, int]:
        """Zeros above and below, left and right."""
        return self.padding if self.padding is not None else (self.taps[0] // 2, self.taps[1] // 2)

    @property
    def options(self) -> dict[str, Any]:
        """What a call takes after its tensors."""
        return {"stride": self.stride, "padding": self.pads, "dilation": self.dilation, "groups": self.groups}

    def problem(self, batch: int) -> Problem:
        """Give its sizes to the engine."""
        two = (self.stride, self.stride)
        shapes = (batch, self.channels, *self.size), (self.kernels, self.channels // self.groups, *self.taps)
        dilation = (self.dilation, self.dilation)
        return Problem.of(*shapes, stride=two, padding=self.pads, dilation=dilation, groups=self.groups)

    def __str__(self) -> str:
        """Write it as tables do: `3x3 64 to 128 @56 /2`."""
        parts = [
            "x".join(map(str, self.taps)),
            f"{self.channels} to {self.kernels}" if self.channels != self.kernels else str(self.channels),
            f"@{self.size[0]}" if self.size[0] == self.size[1] else f"@{self.size[0]}x{self.size[1]}",
            f"/{self.stride}" if self.stride > 1 else "",
            f"dilation {self.dilation}" if self.dilation > 1 else "",
            f"groups {self.groups}" if self.groups > 1 else "",
        ]
        return " ".join(filter(None, parts))


def _square(taps: int, channels: int, kernels: int, size: int, stride: int = 1, **more: Any) -> Layer:
    return Layer(channels, kernels, (size, size), (taps, taps), stride, **more)


_POINTWISE = [
    (64, 64, 56, 1),
    (64, 256, 56, 1),
    (256, 64, 56, 1),
    (256, 512, 56, 2),
    (128, 512, 28, 1),
    (512, 128, 28, 1),
    (512, 1024, 28, 2),
    (256, 1024, 14, 1),
    (1024, 256, 14, 1),
    (1024, 2048, 14, 2),
    (512, 2048, 7, 1),
    (2048, 512, 7, 1),
]
_STRIDED = [(64, 128, 56), (128, 256, 28), (256, 512, 14)]

# What the engine is held to, layer by layer.
NAMED = (
    _square(3, 64, 64, 56, held=(2.6, 2.5), kind="3x3"),
    _square(3, 128, 128, 28, held=(2.6, 2.5), kind="3x3"),
    _square(3, 256, 256, 14, held=(2.6, 2.5), kind="3x3"),
    _square(3, 64, 64, 224, held=(3.0, 3.0), kind="3x3"),
    _square(3, 256, 256, 56, held=(3.0, 3.0), kind="3x3"),
    _square(3, 512, 512, 28, held=(3.0, 3.0), kind="3x3"),
    _square(3, 512, 512, 14, held=(2.0, 2.0), kind="3x3"),
    _square(3, 512, 512, 7, held=(1.8, 2.4), kind="3x3"),
    _square(5, 96, 256, 27, held=(1.6, 1.6), kind="5x5"),
    *(_square(1, c, k, size, stride, held=(0.97, 0.97), kind="1x1") for c, k, size, stride in _POINTWISE),
    _square(7, 3, 64, 224, 2, held=(1.1, 1.1), kind="stem"),
    _square(11, 3, 96, 227, 4, padding=(0, 0), held=(1.1, 1.1), kind="stem"),
    *(_square(3, c, k, size, 2, held=(1.05, 1.05), kind="3x3 /2") for c, k, size in _STRIDED),
    _square(3, 128, 128, 56, groups=128, held=(1.3, 1.3), kind="depthwise"),
    _square(3, 128, 128, 56, groups=32, held=(4.0, 4.0), kind="grouped"),
)

_VGG16 = [
    *[(3, 64, 224), (64, 64, 224), (64, 128, 112), (128, 128, 112), (128, 256, 56), *[(256, 256, 56)] * 2],
    *[(256, 512, 28), *[(512, 512, 28)] * 2, *[(512, 512, 14)] * 3],
]


def layers_of(network: str) -> list[Layer]:
    """List a network's convolution layers in the order in which they run, for the paper's images."""
    if network == "vgg16":
        return [_square(3, c, k, size) for c, k, size in _VGG16]
    entry, found = MODELS[network], list[Layer]()

    def seen(module: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        (c, h, w), (k, _, r, s) = inputs[0].shape[1:], module.weight.shape
        stride, dilation = module.stride[0], module.dilation[0]
        padding = tuple(p if isinstance(p, int) else p[0] for p in _two(module.padding))
        found.append(Layer(c, k, (h, w), (r, s), stride, (padding[0], padding[1]), dilation, module.groups))

    with torch.device("meta"):
        model = create(network).eval()
        for module in model.modules():
            if type(module).__name__ == "Conv2d":
                module.register_forward_hook(seen)
        model(torch.empty(1, entry.channels, *entry.image_size))
    return found


def _two(padding: Any) -> Sequence[Any]:
    return (padding, padding) if isinstance(padding, int) else padding


NETWORKS = ("resnet18", "resnet34", "resnet50", "vgg16", "alexnet", "zfnet")


@dataclass(frozen=True)
class Raced:
    """How a layer went.

    Args:
        layer: Which.
        result: The three's times.
        algorithm: That the engine chose.
    """

    layer: Layer
    result: Result
    algorithm: str

    @property
    def better(self) -> str:
        """The faster of PyTorch's layouts."""
        return min(LAYOUTS, key=lambda name: self.result.spread(name).median)

    @property
    def speed_up(self) -> float:
        """How many times as long PyTorch takes in its better layout: the median over the turns."""
        return self.over(self.better)

    def over(self, layout: str) -> float:
        """How many times as long PyTorch takes in one layout."""
        return self.result.ratio(layout, OURS).median


def operands(layer: Layer, batch: int, layout: torch.memory_format = LAST, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Draw an input and a weight, the same numbers in any layout."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, layer.channels, *layer.size, generator=generator)
    fan_in = layer.channels // layer.groups * math.prod(layer.taps)
    weight = torch.randn(layer.kernels, layer.channels // layer.groups, *layer.taps, generator=generator)
    return x.contiguous(memory_format=layout), (weight / fan_in**0.5).contiguous(memory_format=layout)


def close(want: Tensor, got: Tensor, part: float = 1e-3) -> bool:
    """Tell whether an answer is right, to a part of the largest."""
    return got.shape == want.shape and bool((got - want).abs().max() <= part * want.abs().max())


def race(name: str, layer: Layer, batch: int, *, threads: int, n: int) -> Raced:
    """Time a layer three ways."""
    x, weight = operands(layer, batch)
    plain_x, plain_weight = operands(layer, batch, FIRST)
    candidates: dict[str, Callable[[], Tensor]] = {
        # A copy of its own: PyTorch would find in the cache what ours has just read, and ours would not.
        OURS: partial(conv2d, x.clone(memory_format=torch.preserve_format), plain_weight.clone(), **layer.options),
        LAYOUTS[0]: partial(F.conv2d, x, weight, **layer.options),
        LAYOUTS[1]: partial(F.conv2d, plain_x, plain_weight, **layer.options),
    }
    with torch.no_grad():
        verify = partial(close, candidates[LAYOUTS[1]]())
        turns = affordable(n, layer, batch)
        result = compare(name, candidates, what=str(layer), verify=verify, n=turns, threads=threads)
        return Raced(layer, result, plan(layer.problem(batch), threads=threads).algorithm)


def raced(found: Raced) -> list[str]:
    """Write a row of a table: the layer, three times, the speed-up, the algorithm."""
    times = [milliseconds(found.result.spread(name).median) for name in (OURS, *LAYOUTS)]
    return [str(found.layer), *times, f"{found.speed_up:.2f}", found.algorithm]


def milliseconds(seconds: float) -> str:
    """Write a time with three digits, or all of those before the point.

    >>> milliseconds(0.0123456), milliseconds(4.7513)
    ('12.3', '4,751')
    """
    return f"{seconds * 1e3:,.0f}" if seconds >= 0.1 else f"{seconds * 1e3:.3g}"


def geometric_mean(ratios: Sequence[float]) -> float:
    """Average ratios.

    >>> geometric_mean([0.5, 2.0])
    1.0
    """
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def asked(**usual: int) -> argparse.Namespace:
    """Read the command line: `--threads 1 2`, and a number for each that is named here; fewer are sooner done."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    for name, value in usual.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    return parser.parse_args()


def affordable(n: int, layer: Layer, batch: int) -> int:
    """Say how many turns a layer is given: fewer than `n` if it is large, but not fewer than seven."""
    return min(n, max(7, int(MOST_MULTIPLY_ADDS / layer.problem(batch).multiply_adds)))


def network(name: str) -> nn.Module:
    """Build a network; VGG-16, configuration D, is not one of the package's."""
    if name != "vgg16":
        return create(name)
    layers: list[nn.Module] = []
    for (c, k, size), after in zip(_VGG16, [*_VGG16[1:], (0, 0, 7)], strict=True):
        layers += [nn.Conv2d(c, k, 3, padding=1), nn.ReLU(inplace=True)]
        layers += [nn.MaxPool2d(2)] if after[2] < size else []
    dense = [nn.Linear(512 * 49, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout()]
    return nn.Sequential(*layers, nn.Flatten(), *dense, nn.Linear(4096, 1000))
