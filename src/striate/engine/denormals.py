"""Denormal numbers taken for zero in PyTorch's own convolution, as they are in the core's."""

from typing import Any

from striate.engine.core import core

__all__ = ["Flushed"]


class Flushed:
    """Numbers below 1e-38 are zero, within: on the calling thread, and on those that share PyTorch's work with it.

    Each would cost a hundred cycles, and trained weights have many. `torch.set_flush_denormal` sets one thread alone.

    Args:
        threads: That share the work.

    Example:
        >>> import torch
        >>> with Flushed(threads=1):
        ...     (torch.tensor([1e-39]) * 1.0).item()
        0.0
    """

    __slots__ = ("_begin", "_end", "_threads")

    def __init__(self, threads: int) -> None:
        self._begin, self._end, self._threads = core().begin_flushing, core().end_flushing, threads

    def __enter__(self) -> None:
        self._begin(self._threads)

    def __exit__(self, *_: Any) -> None:
        self._end(self._threads)
