"""Convolution with kernels that depend on the position, and its gradients, by the core.

Kernels are read as they lie, each once; images may lie as they like, and nothing is unfolded but a few columns a
thread. `ops.blocks` is the same made of PyTorch's functions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod

import torch
from torch import Tensor

from striate.engine.choice import chosen
from striate.engine.core import core
from striate.engine.isa import isa
from striate.engine.memory import bytes_aligned, images
from striate.engine.plain import plain

__all__ = ["Geometry", "forward", "input_gradient", "kernel_gradient", "refuses"]

# Measured: with matrices of 9 numbers, which depthwise kernels have, and of 200, `ops.blocks` is up to five times as
# fast for eight images and more, and a few times slower for one. Within `reproducible` they are the core's.
LEAST_MATRIX, MANY_IMAGES = 256, 8


@dataclass(frozen=True)
class Geometry:
    """What the operators are told besides their tensors, one entry an axis."""

    size: tuple[int, ...]  # of the input
    kernel: tuple[int, ...]
    tiles: tuple[int, ...]
    stride: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    flip: bool

    @property
    def rank(self) -> int:
        """How many spatial axes there are."""
        return len(self.size)

    @property
    def extent(self) -> tuple[int, ...]:
        """Input samples from the first tap to the last, both counted."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    @property
    def positions(self) -> tuple[int, ...]:
        """Positions along each axis."""
        sides = zip(self.size, self.before, self.after, self.extent, self.stride, strict=True)
        return tuple((n + b + a - e) // s + 1 for n, b, a, e, s in sides)


def refuses(first: Tensor, second: Tensor, kernels: Sequence[int], geometry: Geometry) -> str:
    """Say why the core does not compute with two of input, kernels and output; "" where it does.

    Args:
        first: The input, or of transposed convolution the output.
        second: What it is convolved or correlated with.
        kernels: The size of the kernels, `(*tiles, K, C / groups, *kernel)`.
        geometry: Of the convolution.

    Example:
        >>> g = Geometry((4,), (3,), (2,), (1,), (0,), (0,), (1,), 1, False)
        >>> x, w = torch.zeros(1, 2, 4), torch.zeros(2, 5, 2, 3)
        >>> refuses(x, w, w.shape, g)
        ''
        >>> refuses(x.double(), w.double(), w.shape, g)
        'not 32-bit floats in the memory of the processor'
    """
    matrix = prod(kernels[geometry.rank :]) // geometry.groups
    reasons = {
        "not 32-bit floats in the memory of the processor": not (plain(first) and plain(second)),
        "over three spatial axes": geometry.rank > 3,
        "nothing to compute": first.numel() == 0 or second.numel() == 0,
        "small matrices, many images": matrix < LEAST_MATRIX and first.shape[0] >= MANY_IMAGES and chosen().torch,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def forward(x: Tensor, weight: Tensor, g: Geometry) -> Tensor:
    """Convolve `(N, C, *size)` with `(*tiles, K, C / groups, *kernel)`, into `(N, K, *positions)`.

    Raises:
        OptionError: STRIATE_ISA names a set that cannot be used.
        StriateError: The core is not built.

    Example:
        >>> g = Geometry((4,), (2,), (3,), (1,), (0,), (0,), (1,), 1, False)
        >>> forward(torch.ones(1, 1, 4), torch.arange(6.0).view(3, 1, 1, 2), g)
        tensor([[[1., 5., 9.]]])
    """
    y = images((x.shape[0], weight.shape[g.rank], *g.positions), torch.contiguous_format)
    weight = weight.contiguous()
    problem, scratch, threads = _problem(x, y, g)
    core().unshared(problem, x.data_ptr(), weight.data_ptr(), y.data_ptr(), scratch.data_ptr(), threads)
    return y


def input_gradient(y: Tensor, weight: Tensor, g: Geometry) -> Tensor:
    """Transpose: `(N, K, *positions)` to `(N, C, *size)`; what it raises is as in `forward`.

    Example:
        >>> g = Geometry((4,), (2,), (3,), (1,), (0,), (0,), (1,), 1, False)
        >>> input_gradient(torch.ones(1, 1, 3), torch.arange(6.0).view(3, 1, 1, 2), g)
        tensor([[[0., 3., 7., 5.]]])
    """
    x = images((y.shape[0], weight.shape[g.rank + 1] * g.groups, *g.size), torch.contiguous_format)
    weight = weight.contiguous()
    problem, scratch, threads = _problem(x, y, g)
    core().unshared_input_gradient(problem, y.data_ptr(), weight.data_ptr(), x.data_ptr(), scratch.data_ptr(), threads)
    return x


def kernel_gradient(x: Tensor, y: Tensor, kernels: Sequence[int], g: Geometry) -> Tensor:
    """Correlate `(N, C, *size)` with `(N, K, *positions)` into `kernels`; what it raises is as in `forward`.

    Example:
        >>> g = Geometry((4,), (2,), (3,), (1,), (0,), (0,), (1,), 1, False)
        >>> kernel_gradient(torch.arange(4.0).view(1, 1, 4), torch.ones(1, 1, 3), (3, 1, 1, 2), g).flatten(1)
        tensor([[0., 1.],
                [1., 2.],
                [2., 3.]])
    """
    weight = images(tuple(kernels), torch.contiguous_format)
    problem, scratch, threads = _problem(x, y, g)
    core().unshared_weight_gradient(problem, x.data_ptr(), y.data_ptr(), weight.data_ptr(), scratch.data_ptr(), threads)
    return weight


def _problem(x: Tensor, y: Tensor, g: Geometry):
    isa()
    threads = torch.get_num_threads()
    problem = _described(x.shape, y.shape[1], x.stride(), y.stride(), g)
    return problem, bytes_aligned(problem.workspace_bytes(threads)), threads


@lru_cache(maxsize=256)
def _described(shape: torch.Size, kernels: int, x: tuple[int, ...], y: tuple[int, ...], g: Geometry):
    ahead = (3 - g.rank) * [0]  # axes of one position in front
    before = [n - (e - 1) * g.flip for n, e in zip(g.before, g.extent, strict=True)]
    dilation = [-d if g.flip else d for d in g.dilation]
    axes = zip(g.size, g.positions, g.tiles, g.kernel, g.stride, before, dilation, strict=True)
    return core().Unshared(
        (shape[0], g.groups, shape[1] // g.groups, kernels // g.groups),
        (*((1, 1, 1, 1, 1, 0, 1) for _ in ahead), *axes),
        (*x[:2], *ahead, *x[2:]),
        (*y[:2], *ahead, *y[2:]),
    )
