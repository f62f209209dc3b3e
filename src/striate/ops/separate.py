"""Take a trained kernel apart into factors for separable convolutions, and say what that costs and what it saves."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from striate.errors import DtypeError, NonFiniteError, OptionError, ShapeError
from striate.ops.geometry import each
from striate.ops.operands import check_groups
from striate.ops.polyadic import most_terms, polyadic
from striate.ops.separable import composed_kernel

__all__ = ["Separated", "separate"]

Factors: TypeAlias = tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class Separated:
    """A kernel as a sum of outer products.

    Args:
        factors: Kernels of the passes, one for each axis, as `separable_conv2d` and `separable_conv3d` take them.
        rank: Terms of the sum, for each group.
        error: How far the factors are from the kernel: the Frobenius norm of the difference, relative to the kernel's.
        shape: That of the kernel.
        groups: Blocks into which the channels are split.

    Example:
        >>> import torch
        >>> print(separate(torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]), rank=1))
        kernel (3, 3) as a sum of 1 outer product, with a relative error of 3.26e-08
          factors        (1, 1, 3, 1), (1, 1, 1, 3)
          parameters     6 instead of 9 (1.5 times fewer)
          multiply-adds  6 instead of 9 per position
    """

    factors: tuple[Tensor, ...]
    rank: int
    error: float
    shape: tuple[int, ...]
    groups: int = 1

    @property
    def parameters(self) -> int:
        """How many numbers the factors have."""
        return sum(factor.numel() for factor in self.factors)

    @property
    def dense_parameters(self) -> int:
        """How many numbers the kernel has."""
        return prod(self.shape)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds per position at stride 1: each number of the factors is used once."""
        return self.parameters

    @property
    def dense_multiply_adds(self) -> int:
        """Multiply-adds per position of the dense kernel."""
        return self.dense_parameters

    def kernel(self) -> Float[Tensor, "..."]:
        """Compose the factors: what is left of the kernel, in its shape."""
        return composed_kernel(self.factors, self.groups).reshape(self.shape)

    def __str__(self) -> str:
        few, many = self.parameters, self.dense_parameters
        gain = f"{many / few:.1f} times fewer" if few <= many else f"{few / many:.1f} times more: not worth while"
        terms = f"{self.rank} outer product{'s' * (self.rank > 1)}{' for each group' * (self.groups > 1)}"
        return (
            f"kernel {self.shape} as a sum of {terms}, with a relative error of {self.error:.3g}\n"
            f"  factors        {', '.join(str(tuple(factor.shape)) for factor in self.factors)}\n"
            f"  parameters     {few:,} instead of {many:,} ({gain})\n"
            f"  multiply-adds  {self.multiply_adds:,} instead of {self.dense_multiply_adds:,} per position"
        )


def separate(
    kernel: Float[Tensor, "*dense"], rank: int | None = None, tolerance: float | None = None, *, groups: int = 1
) -> Separated:
    """Approximate a kernel by a sum of outer products, one vector (or a stack of them) for each spatial axis.

    Each kernel `(k, c)` becomes a sum of `rank` outer products. Its vectors along the first axis serve all `k`, and
    those along the last all `c`, which is what saves work. To take each kernel by itself, as if it were the only one,
    pass `kernel.reshape(K * C, 1, R, S)` with `groups=K * C`.

    With two spatial axes the factors, as `separable_conv2d` takes them, come from singular values, and no other so few
    terms are nearer. With three, as `separable_conv3d` takes them, they come from `polyadic`: near, but not provably
    the nearest; its text says when a kernel that was made of so few terms is found again.

    Args:
        kernel: A kernel as convolutions take it, `(K, C / groups, R, S)` or `(K, C / groups, Z, R, S)`; or one for
            single channels, `(R, S)` or `(Z, R, S)`.
        rank: How many terms in each group. Either this,
        tolerance: or the largest relative error allowed: the smallest rank found is taken that does not exceed it, the
            same for all groups. Finer than the kernel's dtype rounds it cannot be met.
        groups: Blocks into which the channels are split.

    Returns:
        Factors of the kernel's dtype, on its device, without gradients; computed in float64 on the CPU, and `error`
        is that of the factors as they are returned.

    Raises:
        OptionError: Both or neither of `rank` and `tolerance` are given, or the tolerance is negative.
        ShapeError: The kernel has other axes, or the rank is less than 1 or more than it can need.
        NonFiniteError: The kernel has infinite values or NaN.
        DtypeError: It is not made of floating-point numbers.

    Source:
        Eckart and Young, "The approximation of one matrix by another of lower rank", Psychometrika 1 (1936); Jaderberg,
        Vedaldi and Zisserman, "Speeding up convolutional neural networks with low rank expansions", BMVC 2014, section
        3; Lebedev et al., "Speeding-up convolutional neural networks using fine-tuned CP-decomposition", ICLR 2015.

    Example:
        >>> import torch
        >>> binomial = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
        >>> separated = separate(binomial[:, None] * binomial, tolerance=1e-6)
        >>> separated.rank, separated.error < 1e-6
        (1, True)
        >>> noise = torch.randn(64, 64, 3, 3, generator=torch.Generator().manual_seed(0))
        >>> print(separate(noise, rank=96))
        kernel (64, 64, 3, 3) as a sum of 96 outer products, with a relative error of 0.325
          factors        (96, 64, 3, 1), (64, 96, 1, 3)
          parameters     36,864 instead of 36,864 (1.0 times fewer)
          multiply-adds  36,864 instead of 36,864 per position
    """
    caller = "separate"
    _check_kernel(caller, kernel, groups)
    full = kernel.detach().to("cpu", torch.float64)
    full = full if kernel.ndim > 3 else full[None, None]
    turned = _turned(full, groups)
    most, method = METHODS[turned.ndim]
    _check_wish(caller, rank, tolerance, most(turned.shape[1:]), kernel)
    norm, eps = float(torch.linalg.vector_norm(full)), torch.finfo(kernel.dtype).eps
    limit = 0.0 if tolerance is None else max(tolerance, 8 * eps)
    # Rounding the factors to the kernel's dtype will add to the error.
    goal = norm * max(limit**2 - (4 * eps) ** 2, 0.0) ** 0.5
    at = method(turned, goal)

    @cache
    def tried(rank: int) -> tuple[Factors, float]:
        factors = tuple(factor.to(kernel.dtype) for factor in _as_kernels(at(rank), full))
        rest = composed_kernel([factor.double() for factor in factors], groups) - full
        return factors, float(torch.linalg.vector_norm(rest)) / (norm or 1.0)

    if rank is None:
        rank = _least(lambda rank: tried(rank)[1] <= limit, *_bounds(turned, limit * norm, goal))
    factors, error = tried(rank)
    return Separated(tuple(f.to(kernel.device) for f in factors), rank, error, tuple(kernel.shape), groups)


def _turned(kernel: Tensor, groups: int) -> Tensor:
    """Join channels and first axis, kernels and last axis: `(G, C·R, K·S)`, or `(G, C·Z, R, K·S)`."""
    split = kernel.unflatten(0, (groups, -1)).movedim(1, -2)  # (G, C, first, ..., K, last)
    return split.flatten(-2).flatten(1, 2)


def _as_kernels(vectors: Factors, kernel: Tensor) -> Factors:
    """Write the columns of `(G, C·Z, M)`, `(G, R, M)` and `(G, K·S, M)` as the kernels of the passes."""
    channels, rank = kernel.shape[1], kernel.ndim - 2
    first, *between, last = vectors
    a = first.mT.flatten(0, 1).reshape(-1, channels, kernel.shape[2], *[1] * (rank - 1))
    b = last.unflatten(1, (-1, kernel.shape[-1])).transpose(2, 3).flatten(0, 1)
    return (
        a,
        *(g.mT.reshape(-1, 1, 1, g.shape[1], 1) for g in between),
        b.reshape(*b.shape[:2], *[1] * (rank - 1), b.shape[2]),
    )


def _by_singular_values(matrices: Tensor, _: float) -> Callable[[int], Factors]:
    """Cut off all but the largest singular values, and give each side their root."""
    left, values, right = torch.linalg.svd(matrices, full_matrices=False)
    a, b = left * values.sqrt().unsqueeze(1), right.mT * values.sqrt().unsqueeze(1)
    return lambda rank: (a[..., :rank], b[..., :rank])


def _by_products(tensors: Tensor, goal: float) -> Callable[[int], Factors]:
    """Look for the terms, each time from the fewer ones that are known already."""
    known: dict[int, tuple[Tensor, Tensor, Tensor]] = {}

    def at(rank: int) -> Factors:
        near = known.get(max((fewer for fewer in known if fewer < rank), default=0))
        known[rank] = polyadic(tensors, rank, goal, near)
        return known[rank]

    return at


# By the number of axes, that of the groups counted: the most terms that can be needed, and how to find so many.
METHODS: dict[int, tuple[Callable[..., int], Callable[[Tensor, float], Callable[[int], Factors]]]] = {
    3: (min, _by_singular_values),
    4: (most_terms, _by_products),
}


def _bounds(tensors: Tensor, limit: float, goal: float) -> tuple[int, int]:
    """Give the fewest terms that can do, which each axis by itself wants, and so many as do, each slice by itself."""
    axes = range(1, tensors.ndim)
    low = max(_needed(torch.linalg.svdvals(tensors.movedim(axis, 1).flatten(2)), limit) for axis in axes)
    shortest = min(axes, key=lambda axis: tensors.shape[axis])
    # Of a matrix the only slice is itself, and both are the same.
    return low, max(low, _needed(torch.linalg.svdvals(tensors.movedim(shortest, 1)).flatten(1), goal))


def _needed(values: Tensor, limit: float) -> int:
    """Count the singular values to be kept in each group, so that what is left out in all of them is small enough."""
    lost = values.sort(1).values.square().sum(0).cumsum(0)  # by all but one, but two, ...
    return max(1, int((lost > limit**2).sum()))


def _least(fits: Callable[[int], bool], low: int, high: int) -> int:
    """Find by halving the least rank that fits; the highest is taken to fit."""
    if low < high and fits(low):
        return low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def _check_kernel(caller: str, kernel: Tensor, groups: int) -> None:
    if kernel.ndim not in (2, 3, 4, 5) or 0 in kernel.shape:
        raise ShapeError(
            f"{caller}: a kernel has 2 to 5 axes, none of them empty.",
            "Pass (R, S), (Z, R, S), (K, C/groups, R, S) or (K, C/groups, Z, R, S).",
            kernel=tuple(kernel.shape),
        )
    check_groups(caller, groups, kernels=kernel.shape[0] if kernel.ndim > 3 else 1)
    if not kernel.is_floating_point():
        raise DtypeError(
            f"{caller}: the kernel is not made of floating-point numbers.",
            "Convert it, for example with kernel.float().",
            kernel=kernel.dtype,
        )
    if not (finite := kernel.isfinite()).all():
        raise NonFiniteError(
            f"{caller}: the kernel has infinite values or NaN.",
            "Look for what went wrong in its training.",
            kernel=tuple(kernel.shape),
            not_finite=int((~finite).sum()),
        )


def _check_wish(caller: str, rank: int | None, tolerance: float | None, most: int, kernel: Tensor) -> None:
    if (rank is None) == (tolerance is None):
        raise OptionError(
            f"{caller}: exactly one of rank and tolerance is needed.",
            "Say how many terms, or how large the relative error may be.",
            rank=rank,
            tolerance=tolerance,
        )
    if rank is not None and each(caller, "rank", rank, 1)[0] > most:
        raise ShapeError(
            f"{caller}: rank is more than this kernel can need.",
            f"Give {most} or less; with {most} there is no error.",
            rank=rank,
            kernel=tuple(kernel.shape),
        )
    if tolerance is not None and not tolerance >= 0:
        raise OptionError(f"{caller}: tolerance is negative.", "Give 0 or more.", tolerance=tolerance)
