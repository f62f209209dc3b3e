"""Backpropagation through a convolution, written out: the gradients for its input and for its kernels.

A convolution holds four things: the kernel stack, the input, the output feature map and, on the way back, the gradient
map, which is the gradient of the loss for the output. Both functions take the four of them; of what they compute, and
of the output, only the size is read.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Num
from torch import Tensor

from striate import engine
from striate.errors import ShapeError
from striate.ops.conv_transpose import spread
from striate.ops.geometry import OUTPUT, Padding, Sides, Sizes, Window, named
from striate.ops.operands import check_input, check_weight
from striate.ops.padding import PaddingMode, check_mode, pad, pad_adjoint
from striate.ops.positional import bilinear, tiled_conv_kernel_gradient, tiled_conv_transpose

__all__ = ["conv_input_gradient", "conv_kernel_gradient"]


def conv_input_gradient(
    weight: Num[Tensor, "..."],
    input: Num[Tensor, "..."] | Sequence[int],
    output: Num[Tensor, "..."] | Sequence[int] | None,
    gradient: Num[Tensor, "..."],
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    flip: bool = False,
) -> Num[Tensor, "..."]:
    """Take the gradient map back through the kernels: the gradient of the loss for the convolution's input.

        result[n, c, p·stride + r·dilation, q·stride + s·dilation] += weight[k, c, r, s] · gradient[n, k, p, q]

    Works for every kind of convolution and one to three spatial axes, which the shape of `weight` tells.

    Args:
        weight: The kernel stack: `(K, C / groups, *kernel)` if shared, `(*tiles, K, C / groups, *kernel)` if tiled,
            `(*positions, K, C / groups, *kernel)` if unshared.
        input: What was convolved, `(N, C, *size)`; its shape will do.
        output: What came out, `(N, K, *positions)`; its shape will do, or None. It must be as large as `gradient`.
        gradient: The gradient map, `(N, K, *positions)`.
        stride: As in `conv2d`, and so are the others.
        padding: See there.
        dilation: See there.
        groups: See there.
        padding_mode: See there.
        flip: See there.

    Returns:
        As large as `input`.

    Raises:
        ShapeError: The four do not belong to one convolution.
        OptionError: There is no such padding.

    Source:
        Goodfellow, Bengio and Courville, "Deep Learning", MIT Press 2016, equation 9.13.

    Example:
        >>> weight, x = torch.ones(1, 1, 3, 3), torch.zeros(1, 1, 4, 4)
        >>> conv_input_gradient(weight, x, None, torch.ones(1, 1, 2, 2))[0, 0]
        tensor([[1., 2., 2., 1.],
                [2., 4., 4., 2.],
                [2., 4., 4., 2.],
                [1., 2., 2., 1.]])
    """
    caller, shape = "conv_input_gradient", _shape(input)
    rank = len(shape) - 2
    window = _window(caller, weight.shape, shape, (stride, padding, dilation), groups, padding_mode)
    check_input(caller, rank, gradient, weight, channels=weight.shape[-rank - 2], letter="K")
    _check_maps(caller, window, shape, output, gradient)
    sides, size = window.sides(shape[2:]), shape[2:]
    modeless, whole = _as_zeros(sides, size, padding_mode)
    if weight.ndim == rank + 2:
        weight = weight.flip(tuple(range(2, 2 + rank))) if flip else weight
        plain = Window(window.kernel_size, window.stride, modeless, window.dilation)
        result = spread(gradient, weight, None, plain, whole, groups)
    else:
        before, after = [b for b, _ in modeless], [a for _, a in modeless]
        result = bilinear(
            tiled_conv_transpose, gradient, weight, whole, window.stride, before, after, window.dilation, groups, flip
        )
    return result if padding_mode == "zeros" else pad_adjoint(result, size, sides, padding_mode)


def conv_kernel_gradient(
    weight: Num[Tensor, "..."] | Sequence[int],
    input: Num[Tensor, "..."],
    output: Num[Tensor, "..."] | Sequence[int] | None,
    gradient: Num[Tensor, "..."],
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    flip: bool = False,
) -> Num[Tensor, "..."]:
    """Correlate the input with the gradient map: the gradient of the loss for the kernels.

        result[k, c, r, s] = Σ_{n, p, q} gradient[n, k, p, q] · input[n, c, p·stride + r·dilation, ...]

    With kernels of their own, the sum over positions is over those that use the kernel.

    Args:
        weight: The kernel stack, as in `conv_input_gradient`; its shape will do.
        input: What was convolved, `(N, C, *size)`.
        output: What came out, `(N, K, *positions)`; its shape will do, or None. It must be as large as `gradient`.
        gradient: The gradient map, `(N, K, *positions)`.
        stride: As in `conv2d`, and so are the others.
        padding: See there.
        dilation: See there.
        groups: See there.
        padding_mode: See there.
        flip: See there.

    Returns:
        As large as `weight`.

    Raises:
        ShapeError: The four do not belong to one convolution.
        OptionError: There is no such padding.

    Source:
        Goodfellow, Bengio and Courville, "Deep Learning", MIT Press 2016, equation 9.11.

    Example:
        >>> x = torch.arange(9.0).reshape(1, 1, 3, 3)
        >>> conv_kernel_gradient((1, 1, 2, 2), x, None, torch.ones(1, 1, 2, 2))[0, 0]
        tensor([[ 8., 12.],
                [20., 24.]])
    """
    caller, kernels = "conv_kernel_gradient", _shape(weight)
    rank = input.ndim - 2
    window = _window(caller, kernels, input.shape, (stride, padding, dilation), groups, padding_mode)
    check_input(caller, rank, gradient, gradient, channels=kernels[-rank - 2], letter="K")
    _check_maps(caller, window, input.shape, output, gradient)
    sides = window.sides(input.shape[2:])
    if padding_mode != "zeros":
        input, sides = pad(caller, input, sides, padding_mode), ((0, 0),) * rank
    before, after = [b for b, _ in sides], [a for _, a in sides]
    if len(kernels) != rank + 2:
        return bilinear(
            tiled_conv_kernel_gradient,
            input,
            gradient,
            kernels,
            window.stride,
            before,
            after,
            window.dilation,
            groups,
            flip,
        )
    if rank == 2 and engine.takes(gradient, input):
        steps = (window.stride, tuple(n for side in sides for n in side), window.dilation, groups)
        result = engine.conv2d_weight_gradient(gradient, input, kernels, *steps)
        return result.flip(2, 3) if flip else result
    if before != after:
        input, before = pad(caller, input, sides, "zeros"), [0] * rank
    stack = gradient.new_empty(kernels)
    steps = (window.stride, before, window.dilation, False, [0] * rank, groups)
    result = torch.ops.aten.convolution_backward(gradient, input, stack, None, *steps, (False, True, False))[1]
    return result.flip(tuple(range(2, 2 + rank))) if flip else result


def _shape(given: Tensor | Sequence[int]) -> tuple[int, ...]:
    return tuple(given.shape) if isinstance(given, Tensor) else tuple(given)


def _window(
    caller: str,
    kernels: Sequence[int],
    shape: Sequence[int],
    steps: tuple[Sizes, Padding, Sizes],
    groups: int,
    padding_mode: str,
) -> Window:
    rank = len(shape) - 2
    if rank not in OUTPUT or len(kernels) not in (rank + 2, 2 * rank + 2):
        raise ShapeError(
            f"{caller}: weight and input do not belong together.",
            "Pass input as (N, C, *size), and weight as (K, C/groups, *kernel) or, if kernels take turns, as "
            "(*tiles, K, C/groups, *kernel).",
            weight=tuple(kernels),
            input=tuple(shape),
        )
    stack = torch.empty(tuple(kernels), device="meta")
    check_weight(caller, rank, stack, groups, tiles=len(kernels) - rank - 2)
    check_input(caller, rank, torch.empty(tuple(shape), device="meta"), stack, channels=kernels[-rank - 1] * groups)
    check_mode(caller, padding_mode)
    stride, padding, dilation = steps
    return Window.of(
        caller, rank, kernel_size=tuple(kernels[-rank:]), stride=stride, padding=padding, dilation=dilation
    )


def _check_maps(
    caller: str, window: Window, shape: Sequence[int], output: Tensor | Sequence[int] | None, gradient: Tensor
) -> None:
    expected = (shape[0], gradient.shape[1], *window.fitted(caller, shape[2:]))
    given = _shape(gradient if output is None else output)
    if tuple(gradient.shape) != expected or given != expected:
        axes = f"N K {OUTPUT[window.rank]}"
        raise ShapeError(
            f"{caller}: the maps are not those of one convolution.",
            f"Pass output and gradient as {named(axes, expected)}, or another input, stride, padding or dilation.",
            output=given,
            gradient=tuple(gradient.shape),
            input=tuple(shape),
        )


def _as_zeros(sides: Sides, size: Sequence[int], padding_mode: str) -> tuple[Sides, tuple[int, ...]]:
    """Take samples that were copied from elsewhere for samples of the input itself."""
    if padding_mode == "zeros":
        return sides, tuple(size)
    return ((0, 0),) * len(sides), tuple(n + b + a for n, (b, a) in zip(size, sides, strict=True))
