"""The number of threads that compute, for as long as something runs."""

from collections.abc import Generator
from contextlib import contextmanager

import torch

__all__ = ["set_threads"]


@contextmanager
def set_threads(threads: int) -> Generator[int]:
    """Compute with so many threads within the block, and as before after it.

    Args:
        threads: 0 leaves the number as it is.

    Yields:
        The number in force.

    Example:
        >>> with set_threads(1) as threads:
        ...     threads
        1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)
