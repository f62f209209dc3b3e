"""Memory for what is large: packed weights, scratch, images. In large pages, where the system has them."""

from math import prod
from typing import Final

import torch
from torch import Tensor

from striate.engine.core import core

__all__ = ["bytes_aligned", "images", "numbers"]

_PAGE: Final = 2 << 20  # bytes of a large page


def bytes_aligned(size_bytes: int) -> Tensor:
    """Give so many bytes, from the beginning of a cache line on; of a large page, if they are as many.

    Example:
        >>> bytes_aligned(100).data_ptr() % 64
        0
    """
    if size_bytes < _PAGE:
        return torch.empty(size_bytes, dtype=torch.uint8, device="cpu")  # PyTorch's allocator minds cache lines
    found = torch.empty(size_bytes + _PAGE, dtype=torch.uint8, device="cpu")
    skipped = -found.data_ptr() % _PAGE
    found = found[skipped : skipped + size_bytes]
    core().prefer_large_pages(found.data_ptr(), size_bytes)
    return found


def numbers(count: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Give so many numbers, as `bytes_aligned` gives bytes."""
    return bytes_aligned(dtype.itemsize * count).view(dtype)


def images(shape: tuple[int, ...], layout: torch.memory_format, dtype: torch.dtype = torch.float32) -> Tensor:
    """Give images, or kernels, that are to be written, whole; no view of anything."""
    found = torch.empty(shape, dtype=dtype, device="cpu", memory_format=layout)
    size_bytes = dtype.itemsize * prod(shape)
    if size_bytes >= 2 * _PAGE:
        core().prefer_large_pages(found.data_ptr(), size_bytes)
    return found
