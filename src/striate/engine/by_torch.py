"""PyTorch's own convolution and its gradients, for padding on each side: whatever the engine does not take.

These are PyTorch's differentiable functions: they serve any dtype, device and transform, and any order of gradient.
"""

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional as F

from striate.errors import ShapeError

__all__ = ["convolve", "finish", "gradients", "misfit"]

_CONVOLVE: Final[dict[int, Any]] = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}  # by the weight's axes


def convolve(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    """Convolve, as `torch.nn.functional.conv2d` does, or its like for one axis or three.

    Args:
        input: With or without the axis of examples.
        weight: Kernels.
        bias: One number per output channel.
        stride: As there, and so are the others.
        padding: As there; or before and after along each axis, where negative ones cut.
        dilation: As there.
        groups: As there.
    """
    convolve = _CONVOLVE[weight.dim()]
    if not isinstance(padding, Sequence) or len(padding) != 2 * (weight.dim() - 2) or isinstance(padding, str):
        return convolve(input, weight, bias, stride, padding, dilation, groups)
    both, beyond = _split(padding)
    return convolve(_padded(input, beyond), weight, bias, stride, both, dilation, groups)


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
        stride: Along each axis.
        padding: Before and after, along each axis.
        dilation: Along each axis.
        groups: Blocks of channels.
        wanted: Which of the two.
    """
    both, beyond = _split(padding)
    padded = _padded(input, beyond)
    steps = (stride, both, dilation, False, [0] * len(both), groups)
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
    sides = list(zip(padding[::2], padding[1::2], strict=True))
    both = [max(0, min(side)) for side in sides]
    beyond = ((before - n, after - n) for (before, after), n in zip(sides, both, strict=True))
    return both, [n for side in reversed(list(beyond)) for n in side]
