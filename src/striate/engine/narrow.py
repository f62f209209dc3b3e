"""Numbers stored in 16 bits and summed in 32: by the kernels of 32-bit floats, where the processor has none of its own.

PyTorch's convolution of bfloat16 then takes two to four times as long as that of 32-bit floats, and of float16 a
hundred times as long.
"""

from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

from striate.engine.machine import machine
from striate.engine.packed import Form, packed
from striate.engine.plain import plain, unwatched

__all__ = ["is_narrow", "wide"]

# What a processor needs to have, one of them, so that PyTorch has fast kernels.
_OWN: Final[dict[torch.dtype, frozenset[str]]] = {
    torch.bfloat16: frozenset({"avx512bf16", "amx_bf16", "bf16"}),
    torch.float16: frozenset({"avx512fp16", "amx_fp16", "asimdhp", "fp16"}),
}


_WIDE: Final = Form(("32 bits",), -1, None, 0, 1, None, widens=True)


@lru_cache(maxsize=4)
def _has_own(dtype: torch.dtype) -> bool:
    return not _OWN[dtype].isdisjoint(machine().instruction_sets)


def is_narrow(input: Tensor, *others: Tensor | None) -> bool:
    """Tell whether a convolution is to be computed in 32 bits: all of it is stored in 16, and PyTorch would be slow.

    Example:
        >>> is_narrow(torch.zeros(3)), is_narrow(torch.zeros(3, device="meta").half())
        (False, False)
    """
    dtype = input.dtype
    if dtype not in _OWN or torch.compiler.is_compiling() or _has_own(dtype):
        return False
    if torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") is not dtype:
        return False
    return all(t is None or plain(t, dtype) for t in (input, *others)) and unwatched()


def wide(weight: Tensor) -> Tensor:
    """Give a weight in 32 bits: the same tensor as long as the weight does not change, so that it is packed once.

    It is found again, counted and let go as packed weights are.

    While gradients are recorded it is another one every time, and the gradient arrives in 16 bits.

    Example:
        >>> weight = torch.ones(3).bfloat16()
        >>> wide(weight).dtype, wide(weight) is wide(weight)
        (torch.float32, True)
    """
    if weight.requires_grad and torch.is_grad_enabled():
        return weight.float()
    return packed(weight, _WIDE, 1)
