"""oneDNN, the library under PyTorch's convolution, with its weights packed once: PyTorch packs them at every call.

Only the forward pass is worth it: who takes gradients changes the weights. Where this PyTorch lacks what it needs, a
problem is refused.
"""

from functools import lru_cache
from typing import Any, Final

import torch
from torch import Tensor

from striate.engine.problem import Problem

__all__ = ["ONEDNN", "convolve", "packed_bytes", "prepared", "reaches_beyond", "refuses", "work", "workspace_bytes"]

ONEDNN = "onednn"
"""The algorithm's name."""

_FLOAT_BYTES: Final = 4


# What compiled networks of PyTorch's use; neither has a public name.
_OPS: Final[Any] = torch.ops.mkldnn
_NN: Final[Any] = torch._C.__dict__["_nn"]


@lru_cache(maxsize=1)
def _available() -> bool:
    packs, convolves = hasattr(_NN, "mkldnn_reorder_conv2d_weight"), hasattr(_OPS, "_convolution_pointwise")
    return torch.backends.mkldnn.is_available() and packs and convolves


def refuses(problem: Problem) -> str:
    """Say why it cannot compute this; "" if it can."""
    top, bottom, left, right = problem.padding
    reasons = {
        "this PyTorch has no oneDNN, or hides it": not _available(),
        "it packs no weights for gradients": problem.direction != "forward",
        "its numbers are not 32-bit floats": problem.dtype is not torch.float32,
        "its padding is not the same on both sides": (top, left) != (bottom, right),
        "its padding cuts": min(problem.padding) < 0,
        "its padding reaches beyond the kernel": reaches_beyond(problem),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def reaches_beyond(problem: Problem) -> bool:
    """Whether there are positions all of whose taps lie in the padding: oneDNN 3.11 crashes there, with a bias.

    Example:
        >>> reaches_beyond(Problem.of((1, 8, 9, 9), (8, 8, 3, 3), padding=(2, 3)))
        True
    """
    top, bottom, left, right = problem.padding
    down, across = (step * (taps - 1) for step, taps in zip(problem.dilation, problem.kernels[1:], strict=True))
    return max(top, bottom) > down or max(left, right) > across


def work(problem: Problem) -> float:
    """Count its multiply-adds: the definition's."""
    return float(problem.multiply_adds)


def workspace_bytes(problem: Problem, threads: int) -> int:
    """Count the bytes that are kept meanwhile: what oneDNN keeps is not told."""
    return 0


def packed_bytes(problem: Problem) -> int:
    """Count the bytes of the packed weights, but for what fills up blocks."""
    k, c, r, s = problem.weight
    return _FLOAT_BYTES * k * c * r * s


def prepared(weight: Tensor, problem: Problem) -> Tensor:
    """Pack `K C/groups R S` as it is read for inputs of the problem's size: a tensor that only `convolve` can read."""
    top, _, left, _ = problem.padding
    steps = ((top, left), problem.stride, problem.dilation, problem.groups)
    kernels = weight.detach().contiguous().to_mkldnn()
    return _NN.mkldnn_reorder_conv2d_weight(kernels, *steps, list(problem.input))


def convolve(input: Tensor, weight: Tensor, bias: Tensor | None, problem: Problem) -> Tensor:
    """Convolve with packed weights; channels lie side by side in input and output.

    What comes after the sums is not left to oneDNN, which rectifies NaN to zero.
    """
    top, _, left, _ = problem.padding
    steps = ((top, left), problem.stride, problem.dilation, problem.groups)
    bias = None if bias is None else bias.contiguous()  # it reads numbers that lie apart as if they lay side by side
    return _OPS._convolution_pointwise(input, weight, bias, *steps, "none", [], "")
