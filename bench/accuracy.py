"""How far from the exact sums every algorithm is, as a multiple of what adding one product after another is.

Adding so, channels innermost, then across, then down, rounds each product and each sum to float32. The exact sums are
those of the same factors in double precision. Errors are root mean squares over outputs drawn at random, the same for
all. Large images are cut down, and batches are small: the length of a sum does not depend on them, but for weights'
gradients, where shorter sums are the harder test. Where inputs are said to be ReLU'd, what arrives is: images, or for
an input's gradient the gradient of the output.

Run: python -m bench.accuracy
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.harness import record_rows
from bench.layers import LAST, NAMED, Layer, operands
from striate.engine import accuracy, conv2d, conv2d_input_gradient, conv2d_weight_gradient, plan, use
from striate.engine.choice import Accuracy, Choice
from striate.engine.problem import Direction

__all__ = ["Sums", "class_of", "cut", "named", "ratios", "sequential", "sums", "terms"]

MOST_PIXELS = 28  # of a side
SAMPLE = 8000  # outputs
BATCH: dict[Direction, int] = {"forward": 1, "input gradient": 1, "weight gradient": 2}
BACK = ("3x3", "5x5")  # kinds of which gradients are judged; they have to be of stride 1, in one group
MOST: dict[Accuracy, float] = {"exact": 2.0, "default": 2.0, "fast": 10.0}
FEW_TAPS = tuple(Layer(128, 128, (28, 28), taps) for taps in ((1, 3), (3, 1), (2, 2)))
COLUMNS = ["layer", "direction", "algorithm", "class", "normal", "ReLU'd", "held to"]


class Sums(NamedTuple):
    """What a direction adds up, written as a convolution, and the engine's answer.

    Args:
        images: `N C H W`.
        kernels: `K C/groups R S`.
        stride: Both ways.
        padding: Above and below, left and right.
        groups: Blocks of channels.
        answer: Computes all of them, `N K P Q`.
    """

    images: Tensor
    kernels: Tensor
    stride: int
    padding: tuple[int, int]
    groups: int
    answer: Callable[[], Tensor]


def sums(layer: Layer, direction: Direction, *, relu: bool) -> Sums:
    """Draw operands; a gradient is a convolution of other images with other kernels.

    Args:
        layer: For gradients of stride 1, in one group.
        direction: Which sums.
        relu: Whether negative numbers of the images are set to zero.
    """
    x, weight = operands(layer, BATCH[direction])
    shape = layer.problem(BATCH[direction]).output
    gradient = torch.randn(shape, generator=torch.Generator().manual_seed(1)).contiguous(memory_format=LAST)
    if relu:
        (gradient if direction == "input gradient" else x).relu_()
    (above, left), (r, s) = layer.pads, layer.taps
    if direction == "forward":
        answer = partial(conv2d, x, weight, **layer.options)
        return Sums(x, weight, layer.stride, layer.pads, layer.groups, answer)
    settings = ((1, 1), (above, above, left, left), (1, 1), 1)
    if direction == "input gradient":
        answer = partial(conv2d_input_gradient, gradient, weight, x.shape, *settings)
        return Sums(gradient, weight.flip(2, 3).transpose(0, 1), 1, (r - 1 - above, s - 1 - left), 1, answer)
    back = partial(conv2d_weight_gradient, gradient, x, weight.shape, *settings)
    return Sums(x.transpose(0, 1), gradient.transpose(0, 1), 1, layer.pads, 1, lambda: back().transpose(0, 1))


def terms(of: Sums, at: Tensor) -> tuple[Tensor, Tensor]:
    """Gather the factors of some sums, in the order in which they are added: both have a row a product, a column a sum.

    Args:
        of: All sums.
        at: Which of the flattened outputs.
    """
    k, c, r, s = of.kernels.shape
    columns = F.unfold(of.images, (r, s), padding=of.padding, stride=of.stride).unflatten(1, (of.groups, c, r * s))
    example, kernel, position = torch.unravel_index(at, (len(columns), k, columns.shape[-1]))
    seen = columns[example, kernel // (k // of.groups), :, :, position]
    return _in_order(seen), _in_order(of.kernels.flatten(2)[kernel])


def _in_order(factors: Tensor) -> Tensor:
    """From `sums C RS` to a row a product, channels innermost."""
    return factors.permute(2, 1, 0).flatten(0, 1).contiguous()


def sequential(left: Tensor, right: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Add one product after another.

    Example:
        >>> factors = torch.tensor([[1.0], [1e-8], [-1.0]])
        >>> sequential(factors, torch.ones(3, 1)), sequential(factors, torch.ones(3, 1), torch.float64)
        (tensor([0.]), tensor([1.0000e-08], dtype=torch.float64))
    """
    total = torch.zeros(left.shape[1], dtype=dtype)
    for a, b in zip(left, right, strict=True):
        total += a.to(dtype) * b.to(dtype)  # a product, then a sum: never a fused multiply-add
    return total


def ratios(layer: Layer, direction: Direction, *, relu: bool) -> dict[str, float]:
    """Divide the error of each algorithm that takes a layer by that of sequential summation."""
    with accuracy("fast"):
        candidates = plan(layer.problem(BATCH[direction]).turned(direction), threads=1).candidates
    of, found = sums(layer, direction, relu=relu), dict[str, float]()
    first = of.answer()
    at = torch.randperm(first.numel(), generator=torch.Generator().manual_seed(2))[:SAMPLE]
    left, right = terms(of, at)
    exact = sequential(left, right, torch.float64)
    usual = _error(sequential(left, right), exact)
    for candidate in candidates:
        if candidate.seconds is not None:
            with use(candidate.algorithm):
                found[candidate.algorithm] = _error(of.answer().flatten()[at], exact) / usual
    return found


def _error(found: Tensor, exact: Tensor) -> float:
    return (found.double() - exact).square().mean().sqrt().item()


def class_of(algorithm: str) -> Accuracy:
    """Name the strictest class that allows an algorithm.

    Example:
        >>> class_of("direct"), class_of("winograd-4x4"), class_of("winograd-6x6")
        ('exact', 'default', 'fast')
    """
    return next(level for level in get_args(Accuracy) if Choice(accuracy=level).allows(algorithm))


def cut(layer: Layer) -> Layer:
    """Make the image smaller, if it is large, and leave out what is asked of the layer's speed."""
    return replace(layer, size=tuple(min(MOST_PIXELS, size) for size in layer.size), held=(None, None))


def named() -> list[Layer]:
    """List the named layers, cut, those that are alike then, once; and kernels of few taps."""
    return list(dict.fromkeys([*map(cut, NAMED), *FEW_TAPS]))


def rows() -> Iterator[tuple[Layer, Direction, str, float, float]]:
    """Judge every algorithm on every layer: what error it has on normal and on ReLU'd inputs."""
    for direction in BATCH:
        for layer in named():
            if direction == "forward" or layer.kind in BACK:
                normal, relu = (ratios(layer, direction, relu=relu) for relu in (False, True))
                for algorithm, ratio in normal.items():
                    yield layer, direction, algorithm, ratio, relu[algorithm]


def _written(algorithm: str, normal: float, relu: float) -> list[str]:
    level = class_of(algorithm)
    held = f"{MOST[level]:g} {'reached' if max(normal, relu) <= MOST[level] else 'missed'}"
    return [algorithm, level, f"{normal:.2f}", f"{relu:.2f}", held]


def main() -> None:
    """Judge with one thread, and record every row, and the worst of each algorithm."""
    torch.set_num_threads(1)
    found = list(rows())
    what = f"Error of one layer as a multiple of sequential float32 summation's; {SAMPLE:,} outputs, root mean square."
    each = [[str(layer), direction, *_written(name, normal, relu)] for layer, direction, name, normal, relu in found]
    record_rows("accuracy-layers", what, COLUMNS, each, threads=1)
    of: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for _, direction, algorithm, normal, relu in found:
        of.setdefault((direction, algorithm), []).append((normal, relu))
    worst = [
        [direction, str(len(both)), *_written(algorithm, max(n for n, _ in both), max(r for _, r in both))]
        for (direction, algorithm), both in of.items()
    ]
    what = "The largest error of each algorithm over the named layers, as a multiple of sequential float32 summation's."
    record_rows("accuracy", what, ["direction", "layers", *COLUMNS[2:]], worst, threads=1)


if __name__ == "__main__":
    main()
