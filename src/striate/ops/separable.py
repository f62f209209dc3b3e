"""Spatially separable convolution: one pass along each axis, for kernels that are sums of outer products.

The axis letters are defined in `ops/geometry.py`; besides, `M` counts the terms of the sum and `G` the groups.
"""

from collections.abc import Sequence
from typing import TypeVar, cast

import torch
from jaxtyping import Float
from torch import Tensor

from striate.errors import ShapeError
from striate.ops.conv import _conv
from striate.ops.geometry import KERNEL, Padding, Sizes, Window
from striate.ops.operands import check_groups, check_input, lowered
from striate.ops.padding import PaddingMode

__all__ = ["check_factors", "composed_kernel", "separable_conv2d", "separable_conv3d"]

Value = TypeVar("Value")


def separable_conv2d(
    input: Float[Tensor, "*N C H W"],
    factors: Sequence[Float[Tensor, "_ _ _ _"]],
    bias: Float[Tensor, "*Kb"] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
) -> Float[Tensor, "*N K P Q"]:
    """Convolve with kernels that are sums of outer products, in one pass along each axis.

    The factors are `a`, `(G·M, C/G, R, 1)`, and `b`, `(K, M, 1, S)`. The result equals that of `conv2d` with

        weight[k, c, r, s] = Σ_m a[m, c, r] · b[k, m, s]

    in every group, which `composed_kernel` writes out. With one channel in and out of a group this is a sum of `M`
    outer products of two vectors. The first pass, along the height, makes `M` maps for each group; the second, along
    the width, makes the output of them. `separate` finds the factors of a trained kernel.

    Args:
        input: Input, with or without the axis of examples.
        factors: Kernels of the passes, `a` and `b`.
        bias: One number per output channel, `(K,)`, or per location, `(K, P, Q)`.
        stride: Input samples from one position to the next; each axis has its own in its own pass, and so for the next
            two.
        padding: See `conv2d`.
        dilation: See `conv2d`.
        groups: Blocks into which the channels are split; `C` makes it depthwise.
        padding_mode: See `conv2d`.

    Returns:
        `P = (H + before + after - dilation * (R - 1) - 1) // stride + 1`; `Q` likewise.

    Raises:
        ShapeError: Channels, factors, groups, bias or sizes do not fit.
        OptionError: There is no such padding.
        DtypeError: Input and factors are of different dtypes.

    Source:
        Jaderberg, Vedaldi and Zisserman, "Speeding up convolutional neural networks with low rank expansions", BMVC
        2014, scheme 2.

    Example:
        >>> import torch
        >>> smooth, differ = torch.tensor([1.0, 2.0, 1.0]), torch.tensor([-1.0, 0.0, 1.0])
        >>> sobel = [smooth.reshape(1, 1, 3, 1), differ.reshape(1, 1, 1, 3)]
        >>> separable_conv2d(torch.tensor([[[0.0, 0.0, 1.0, 1.0]]]), sobel, padding=[1, 0])
        tensor([[[2., 2.]]])
        >>> composed_kernel(sobel)[0, 0]
        tensor([[-1.,  0.,  1.],
                [-2.,  0.,  2.],
                [-1.,  0.,  1.]])
    """
    steps = (stride, padding, dilation)
    return _separable("separable_conv2d", 2, input, factors, bias, steps, groups, padding_mode)


def separable_conv3d(
    input: Float[Tensor, "*N C D H W"],
    factors: Sequence[Float[Tensor, "_ _ _ _ _"]],
    bias: Float[Tensor, "*Kb"] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
) -> Float[Tensor, "*N K O P Q"]:
    """Convolve volumes with kernels that are sums of outer products; everything as in `separable_conv2d`.

    The factors are `a`, `(G·M, C/G, Z, 1, 1)`, `g`, `(G·M, 1, 1, R, 1)`, and `b`, `(K, M, 1, 1, S)`; the kernel is
    `weight[k, c, z, r, s] = Σ_m a[m, c, z] · g[m, r] · b[k, m, s]` in every group. The pass in the middle is depthwise.

    Source:
        Jaderberg, Vedaldi and Zisserman, "Speeding up convolutional neural networks with low rank expansions", BMVC
        2014, scheme 2, with a third axis.

    Example:
        >>> import torch
        >>> factors = [torch.zeros(2, 3, 5, 1, 1), torch.zeros(2, 1, 1, 3, 1), torch.zeros(4, 2, 1, 1, 3)]
        >>> separable_conv3d(torch.zeros(3, 8, 8, 8), factors, padding="same").shape
        torch.Size([4, 8, 8, 8])
    """
    steps = (stride, padding, dilation)
    return _separable("separable_conv3d", 3, input, factors, bias, steps, groups, padding_mode)


def composed_kernel(factors: Sequence[Float[Tensor, "_ _ ..."]], groups: int = 1) -> Float[Tensor, "K Cg *kernel"]:
    """Write out the kernel of which these are the factors; what is left of a trained one after `separate`.

    Args:
        factors: As for `separable_conv2d`, or `separable_conv3d`.
        groups: Blocks into which the channels are split.

    Returns:
        The kernel as `conv2d` takes it, `(K, C / groups, R, S)`, or as `conv3d` does.

    Raises:
        ShapeError: The factors do not fit together.

    Source:
        As `separable_conv2d`.

    Example:
        >>> import torch
        >>> composed_kernel([torch.ones(2, 3, 5, 1), torch.ones(4, 2, 1, 7)]).shape
        torch.Size([4, 3, 5, 7])
    """
    check_factors("composed_kernel", len(factors), factors, groups)
    each_group = [factor.unflatten(0, (groups, -1)).flatten(3) for factor in factors]
    sums = {2: "gmcr,gkms->gkcrs", 3: "gmcz,gmor,gkms->gkczrs"}
    return torch.einsum(sums[len(factors)], *each_group).flatten(0, 1)


def check_factors(caller: str, rank: int, factors: Sequence[Tensor], groups: int) -> None:
    """Refuse factors that are too many or too few, or that do not fit together.

    Raises:
        ShapeError: The message says which shapes fit.
    """
    check_groups(caller, groups)
    shapes = [tuple(factor.shape) for factor in factors]
    fits = len(shapes) == rank and rank in (2, 3) and all(len(s) == rank + 2 and 0 not in s for s in shapes)
    # Along other axes than its own a factor has one tap.
    fits = fits and all(n == 1 for i, s in enumerate(shapes) for j, n in enumerate(s[2:]) if i != j)
    fits = fits and shapes[0][0] == groups * shapes[-1][1] and shapes[-1][0] % groups == 0
    if not fits or any(s[:2] != (shapes[0][0], 1) for s in shapes[1:-1]):
        axes = KERNEL[rank].split() if rank in (2, 3) else []
        kernels = [", ".join(letter if i == j else "1" for j, letter in enumerate(axes)) for i in range(len(axes))]
        heads = ["(groups·M, C/groups", *["(groups·M, 1"] * (rank - 2), "(K, M"]
        wanted = " and ".join(f"{head}, {kernel})" for head, kernel in zip(heads, kernels, strict=False))
        raise ShapeError(
            f"{caller}: the factors do not fit together.",
            f"Pass {wanted or 'two or three of them'}, K a multiple of groups.",
            factors=shapes,
            groups=groups,
        )


def _separable(
    caller: str,
    rank: int,
    input: Tensor,
    factors: Sequence[Tensor],
    bias: Tensor | None,
    steps: tuple[Sizes, Padding, Sizes],
    groups: int,
    padding_mode: str,
) -> Tensor:
    check_factors(caller, rank, factors, groups)
    input, *factors = cast("tuple[Tensor, ...]", lowered(input, *factors))
    check_input(caller, rank, input, factors[0], channels=factors[0].shape[1] * groups)
    kernel_size = [factor.shape[2 + axis] for axis, factor in enumerate(factors)]
    window = Window.of(caller, rank, kernel_size=kernel_size, stride=steps[0], padding=steps[1], dilation=steps[2])
    # Here all axes are still there to be named, should the window not fit.
    window.fitted(caller, input.shape[-rank:])
    sides = window.sides(input.shape[-rank:])
    for axis, factor in enumerate(factors):
        alone = _alone(axis, window.stride, 1), _alone(axis, sides, (0, 0)), _alone(axis, window.dilation, 1)
        last, between = axis == rank - 1, 0 < axis < rank - 1
        blocks = factor.shape[0] if between else groups
        input = _conv(caller, rank, input, factor, bias if last else None, alone, blocks, padding_mode, flip=False)
    return input


def _alone(axis: int, values: Sequence[Value], other: Value) -> list[Value]:
    """Keep the value of one axis, and give the others what does nothing."""
    return [value if i == axis else other for i, value in enumerate(values)]
