"""Which tensors the core can compute with, here and now; everything else is for PyTorch's own functions."""

from typing import Final

import torch
from torch import Tensor
from torch._C._functorch import is_legacy_batchedtensor, peek_interpreter_stack
from torch.autograd import forward_ad
from torch.nn import Parameter
from torch.nn.parameter import Buffer

__all__ = ["lies_last", "plain", "unwatched"]

# Not `isinstance`: a subclass may mean something else by its numbers.
_CLASSES: Final = frozenset({Tensor, Parameter, Buffer})


def plain(tensor: Tensor, dtype: torch.dtype = torch.float32) -> bool:
    """Tell whether a tensor is numbers of a type in the processor's memory, as they stand there.

    Example:
        >>> plain(torch.zeros(3)), plain(torch.zeros(3, dtype=torch.float64)), plain(torch.zeros(3, device="meta"))
        (True, False, False)
    """
    return (
        type(tensor) in _CLASSES
        and tensor.dtype is dtype
        and tensor.is_cpu
        and tensor.layout is torch.strided
        and not tensor.is_neg()
        and not is_legacy_batchedtensor(tensor)  # a batch of gradients, of which the address is unknown
    )


def unwatched() -> bool:
    """Tell whether nobody wants to see PyTorch's own operators: no transform of functions, no mode, no tracer.

    Differentiation in forward mode counts as well.

    Example:
        >>> torch.vmap(lambda x: x * unwatched())(torch.ones(2)), unwatched()
        (tensor([0., 0.]), True)
    """
    return (
        torch._C._len_torch_dispatch_stack() == 0
        and torch._C._len_torch_function_stack() == 0
        and peek_interpreter_stack() is None  # pyright: ignore[reportUnnecessaryComparison] - outside of transforms
        and forward_ad._current_level < 0
        and not torch._C._is_tracing()
    )


def lies_last(input: Tensor, weight: Tensor) -> bool:
    """Tell whether a convolution's result is to lie in memory with channels last: as PyTorch does, if either does.

    Example:
        >>> lies_last(torch.zeros(1, 2, 3, 3).to(memory_format=torch.channels_last), torch.zeros(4, 2, 1, 1))
        True
    """
    return _last(input) or _last(weight)


def _last(tensor: Tensor) -> bool:
    # By the steps, as PyTorch does: where there is one channel, numbers in both orders lie alike.
    example, channel, _, pixel = tensor.stride()
    return channel == 1 < example and pixel >= tensor.shape[1]
