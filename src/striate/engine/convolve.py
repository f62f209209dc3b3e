"""A convolution of tensors, by the algorithm that is planned for it."""

import threading

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from striate.engine.core import core
from striate.engine.packed import packed
from striate.engine.plan import plan
from striate.engine.problem import Problem

__all__ = ["convolve", "takes"]

_ALIGNED = 64  # bytes of a cache line


class _Scratch(threading.local):
    """Each thread's memory for what algorithms keep meanwhile; it grows to the largest that was needed."""

    buffer: Tensor = torch.empty(0, dtype=torch.uint8)

    def at(self, size_bytes: int) -> int:
        if self.buffer.numel() < size_bytes + _ALIGNED:
            self.buffer = torch.empty(size_bytes + _ALIGNED, dtype=torch.uint8)
        return -(-self.buffer.data_ptr() // _ALIGNED) * _ALIGNED


_SCRATCH = _Scratch()


def takes(*tensors: Tensor | None) -> bool:
    """Tell whether the core can read these: plain 32-bit floats in this machine's memory."""
    return all(
        t is None or (t.dtype is torch.float32 and t.device.type == "cpu" and t.layout is torch.strided) for t in tensors
    )


def convolve(
    input: Float[Tensor, "N C H W"],
    weight: Float[Tensor, "K Cg R S"],
    bias: Float[Tensor, " K"] | None,
    problem: Problem,
    *,
    turned: bool = False,
) -> Float[Tensor, "N K P Q"]:
    """Convolve, with no gradient.

    Args:
        input: In any memory layout; channels_last is read as it is, and the output has the input's.
        weight: Kernels; with `turned` those of the convolution whose gradient this is.
        bias: One number per output channel.
        problem: The sizes, which have to be the tensors'.
        turned: As in `packed`.
    """
    threads = torch.get_num_threads()
    planned = plan(problem, threads=threads)
    last = input.is_contiguous(memory_format=torch.channels_last)
    if planned.place < 0 or input.numel() == 0:
        return _by_torch(input, weight, bias, problem, turned=turned)
    numbers = packed(weight, problem, planned.place, turned=turned, threads=threads)
    given = input if last else input.contiguous(memory_format=torch.channels_last)
    output = torch.empty(problem.output, memory_format=torch.channels_last)
    scratch = _SCRATCH.at(core().workspace_bytes(planned.place, problem.handle, threads))
    offsets = 0 if bias is None else bias.contiguous().data_ptr()
    core().run(
        planned.place,
        problem.handle,
        given.data_ptr(),
        numbers.data_ptr(),
        offsets,
        0,
        output.data_ptr(),
        scratch,
        threads,
    )
    return output if last else output.contiguous()


def _by_torch(input: Tensor, weight: Tensor, bias: Tensor | None, problem: Problem, *, turned: bool) -> Tensor:
    top, bottom, left, right = problem.padding
    both = (min(top, bottom), min(left, right))
    if turned:
        weight = weight.flip(2, 3)
        weight = weight if problem.groups > 1 else weight.transpose(0, 1)
    beyond = (left - both[1], right - both[1], top - both[0], bottom - both[0])
    if any(beyond) or min(both) < 0:
        input, both = F.pad(input, (left, right, top, bottom)), (0, 0)
    return F.conv2d(input, weight, bias, problem.stride, both, problem.dilation, problem.groups)
