"""Pictures by their number, as a network takes them: of any size of data, a few at a time."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from striate.data.dataset import Part
from striate.data.transforms import normalize

__all__ = ["Images", "Pictures"]


@runtime_checkable
class Images(Protocol):
    """What gives images by their number: a tensor of all of them, or `Pictures`."""

    def __len__(self) -> int:
        """Say how many there are."""
        ...

    def __getitem__(self, indices: list[int], /) -> Float[Tensor, "N C H W"]:
        """Give some of them."""
        ...


class Pictures:
    """The pictures of parts of a data set, one part after the other, read when they are asked for.

    Args:
        parts: Such as `dataset.parts.values()`.

    Example:
        >>> from striate.data import open_dataset
        >>> digits = Pictures(list(open_dataset("digits").parts.values()))
        >>> len(digits), digits[[0, 1796]].shape
        (1797, torch.Size([2, 1, 32, 32]))
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = tuple(parts)
        self._ends = np.cumsum([len(part) for part in parts]).tolist()

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, indices: list[int]) -> Float[Tensor, "N C H W"]:
        """Read some of them, normalised.

        Raises:
            DataError: A file has gone bad; the message names it.
        """
        return torch.cat([self._read(index) for index in indices])

    def _read(self, index: int) -> Tensor:
        which = int(np.searchsorted(self._ends, index, side="right"))
        part = self._parts[which]
        image = part.read(index - (self._ends[which - 1] if which else 0))
        p = part.preprocess
        return normalize(torch.from_numpy(image)[None], p.mean, p.std)
