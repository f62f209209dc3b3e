"""How strongly new kernels start: by the number of inputs that a unit really has."""

from collections.abc import Iterable, Sequence
from math import prod

import torch
from torch import Tensor

from striate.ops.geometry import Window

__all__ = ["fan_in_", "samples_seen", "share_fan_in_", "spread_fan_in"]


def fan_in_(parameter: Tensor, fan_in: Tensor | float) -> None:
    """Fill a parameter with numbers uniform in ±1/√fan_in, which is PyTorch's own default for convolutions.

    Args:
        parameter: What to fill.
        fan_in: Inputs of a unit: one number, or one for each position, to be broadcast over the leading axes.

    Source:
        LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998, section 4.6, for the scaling by the root.

    Example:
        >>> import torch
        >>> weight = torch.empty(1000)
        >>> fan_in_(weight, 4)
        >>> bool(weight.abs().max() <= 0.5)
        True
    """
    with torch.no_grad():
        bound = torch.as_tensor(fan_in, device=parameter.device).to(parameter.dtype).clamp(min=1).rsqrt()
        parameter.uniform_(-1, 1).mul_(bound.reshape(*bound.shape, *[1] * (parameter.ndim - bound.ndim)))


def share_fan_in_(factors: Iterable[Tensor], fan_ins: Sequence[int]) -> None:
    """Fill the kernels of passes that follow each other, uniformly.

    The variance of each is `3 ** (-1 / passes) / fan_in` of its own pass: so that of the kernel which they compose is
    1/3 over the inputs of a unit, as PyTorch's dense layers have it.

    Args:
        factors: What to fill.
        fan_ins: Inputs of a unit of each pass.

    Example:
        >>> import torch
        >>> factors = [torch.empty(100), torch.empty(100)]
        >>> share_fan_in_(factors, [4, 9])
        >>> bool(factors[0].abs().max() < 0.66), bool(factors[1].abs().max() < 0.44)
        (True, True)
    """
    for factor, fan_in in zip(factors, fan_ins, strict=True):
        # A uniform distribution's variance is a third of its bound's square.
        bound = (3 ** (1 - 1 / len(fan_ins)) / fan_in) ** 0.5
        with torch.no_grad():
            factor.uniform_(-bound, bound)


def samples_seen(window: Window, size: Sequence[int]) -> Tensor:
    """Count, for every position, the taps that lie on the input and not on zeros beyond its border.

    Returns:
        One number for each position, `(*positions)`.

    Example:
        >>> samples_seen(Window.of("example", 1, kernel_size=3, padding=1), (4,))
        tensor([2, 3, 3, 2])
    """
    seen = torch.ones((), dtype=torch.long, device="cpu")
    rows = zip(window.positions(size), window.kernel_size, window.stride, window.dilation, strict=True)
    for (count, kernel, stride, dilation), (before, _), n in zip(rows, window.sides(size), size, strict=True):
        starts = torch.arange(count, device="cpu")[:, None] * stride - before
        taps = starts + torch.arange(kernel, device="cpu") * dilation
        seen = seen[..., None] * ((taps >= 0) & (taps < n)).sum(1)
    return seen


def spread_fan_in(window: Window) -> float:
    """Count the taps that an output of the transposed window is reached by, on average.

    Example:
        >>> spread_fan_in(Window.of("example", 2, kernel_size=4, stride=2))
        4.0
    """
    return prod(max(1.0, k / s) for k, s in zip(window.kernel_size, window.stride, strict=True))
