"""Local contrast normalisation by the core, in the layout in which the maps lie.

Volumes are images to it, the slices of each one below the other, that are passed along the depth as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float32
from torch import Tensor

from striate.engine.core import core
from striate.engine.images import empty, laid_alike
from striate.engine.isa import isa
from striate.engine.operation import Operation, applied

__all__ = ["Contrast", "contrast_norm"]


@dataclass(frozen=True)
class Contrast:
    """How to normalise.

    Args:
        deep: Weights of the window along the depth, an odd number of them.
        down: Along each column of a slice.
        across: Along each row.
        slices: Of each volume; an image is one.
        together: Whether the maps share one window, or have one each.
        subtractive: Whether to subtract the mean of the surroundings.
        divisive: Whether to divide by their deviation.
        threshold: The least divisor; 0 for the mean deviation.
    """

    deep: Sequence[float]
    down: Sequence[float]
    across: Sequence[float]
    slices: int
    together: bool
    subtractive: bool
    divisive: bool
    threshold: float


def contrast_norm(
    input: Float32[Tensor, "N C H W"], contrast: Contrast, by_torch: Callable[[Tensor], Tensor]
) -> Float32[Tensor, "N C H W"]:
    """Subtract the mean of each sample's surroundings, divide by their deviation.

    Args:
        input: Images that `is_worth` holds for; of volumes `H` are the rows of all slices.
        contrast: How.
        by_torch: The same by PyTorch, for second derivatives.

    Raises:
        OptionError: STRIATE_ISA names a set that cannot be used.
        StriateError: The core is not built.

    Example:
        >>> step = Contrast([1.0], [1.0], [0.25, 0.5, 0.25], 1, True, True, False, 0)
        >>> contrast_norm(torch.tensor([[[[0.0, 0.0, 4.0, 4.0]]]]), step, torch.relu)
        tensor([[[[ 0., -1.,  1.,  0.]]]])
    """
    isa()
    forward, gradient = partial(_normed, gradient=None, contrast=contrast), partial(_gradient, contrast=contrast)
    return applied(Operation(lambda x: (forward(x),), gradient, by_torch), input)[0]


def _gradient(gradient: Tensor, input: Tensor, *, contrast: Contrast) -> Tensor:
    return _normed(input, gradient=gradient, contrast=contrast)


def _normed(input: Tensor, *, gradient: Tensor | None, contrast: Contrast) -> Tensor:
    last, (x, *arriving) = laid_alike(input, *(() if gradient is None else (gradient,)))
    (n, c, rows, w), together = x.shape, contrast.together
    d, h = contrast.slices, rows // contrast.slices
    # Maps that are normalised each by itself are as many examples, or lie side by side as windows do.
    sizes = (n, c, d, h, w, 1) if together else (n, 1, d, h, w, c) if last else (n * c, 1, d, h, w, 1)
    output = empty(x.shape, channels_last=last)
    addresses = x.data_ptr(), arriving[0].data_ptr() if arriving else 0, output.data_ptr()
    windows = contrast.deep, contrast.down, contrast.across
    kind = contrast.subtractive, contrast.divisive, contrast.threshold
    core().contrast_norm(sizes, last and together, *windows, *kind, *addresses, torch.get_num_threads())
    return output
