"""PyTorch's own convolution and its gradients, for padding on each side: whatever the core does not take.

These are PyTorch's differentiable functions: they serve any dtype, device and transform, and any order of gradient.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from striate.errors import ShapeError

__all__ = ["convolve", "finish", "gradients", "misfit"]


def convolve(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    """Convolve, as `torch.nn.functional.conv2d` does.

    Args:
        input: With or without the axis of examples.
        weight: Kernels.
        bias: One number per output channel.
        stride: As there, and so are the others.
        padding: As there; or above, below, left and right, where negative ones cut.
        dilation: As there.
        groups: As there.
    """
    if not isinstance(padding, Sequence) or len(padding) != 4 or isinstance(padding, str):
        return F.conv2d(input, weight, bias, stride, padding, dilation, groups)
    both, beyond = _split(padding)
    return F.conv2d(_padded(input, beyond), weight, bias, stride, both, dilation, groups)


def finish(output: Tensor, residual: Tensor | None, relu: bool) -> Tensor:
    """Add an image to a convolution's output, and rectify it: what the core does before it stores a sum.

    Raises:
        ShapeError: The image is not of the output's size.
    """
    if residual is not None:
        if residual.shape != output.shape:
            raise misfit(residual.shape, output.shape)
        output = output + residual
    return F.relu(output) if relu else output


def misfit(residual: Sequence[int], output: Sequence[int]) -> ShapeError:
    """Say what is wrong with an image that cannot be added to the output."""
    return ShapeError(
        "conv2d: residual does not have the output's size.", f"Pass one of {tuple(output)}.", residual=tuple(residual)
    )


def gradients(
    gradient: Tensor,
    input: Tensor,
    weight: Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    wanted: tuple[bool, bool],
) -> tuple[Tensor | None, Tensor | None]:
    """Give the gradients with respect to the input and the weight, those that are wanted.

    Args:
        gradient: Of the loss, with respect to the output.
        input: What was convolved; of what is not needed only the shape is read.
        weight: The kernels; likewise.
        stride: Down and across.
        padding: Above, below, left and right.
        dilation: Down and across.
        groups: Blocks of channels.
        wanted: Which of the two.
    """
    both, beyond = _split(padding)
    padded = _padded(input, beyond)
    steps = (stride, both, dilation, False, [0, 0], groups)
    of_input, of_weight, _ = torch.ops.aten.convolution_backward(
        gradient, padded, weight, None, *steps, (*wanted, False)
    )
    if wanted[0]:
        of_input = _padded(of_input, [-n for n in beyond])
    return of_input, of_weight


def _padded(images: Tensor, beyond: Sequence[int]) -> Tensor:
    """Pad first, then cut: nothing may be left between."""
    for part in ([max(0, n) for n in beyond], [min(0, n) for n in beyond]):
        images = F.pad(images, part) if any(part) else images
    return images


def _split(padding: Sequence[int]) -> tuple[list[int], list[int]]:
    """Split padding into what is the same on both sides, which costs no copy of the input, and the rest for `F.pad`."""
    top, bottom, left, right = padding
    both = [max(0, min(top, bottom)), max(0, min(left, right))]
    return both, [left - both[1], right - both[1], top - both[0], bottom - both[0]]
