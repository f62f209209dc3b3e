"""Pictures by their number, as a network takes them: of any size of data, a few at a time."""

import hashlib
import os
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from striate.data.dataset import Part
from striate.data.transforms import normalize

__all__ = ["Images", "Pictures", "fingerprint"]


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

    @property
    def fingerprint(self) -> str:
        """Tell these pictures from others: by name, size and time of files, by the bytes of what is in memory."""
        digest = hashlib.sha256()
        for part in self._parts:
            digest.update(repr(part.preprocess).encode())
            if part.held is not None:
                digest.update(np.ascontiguousarray(part.held).tobytes())
                continue
            for name in part.names:
                about = os.stat(os.path.join(part.root, name))
                digest.update(os.fsencode(f"{name}\0{about.st_size}\0{about.st_mtime_ns}\0"))
        return digest.hexdigest()

    def _read(self, index: int) -> Tensor:
        which = int(np.searchsorted(self._ends, index, side="right"))
        part = self._parts[which]
        image = part.read(index - (self._ends[which - 1] if which else 0))
        p = part.preprocess
        return normalize(torch.from_numpy(image)[None], p.mean, p.std)


def fingerprint(images: Images) -> str:
    """Tell images from others, if one of them is changed as well; nothing where they cannot say.

    Example:
        >>> images = torch.zeros(3, 1, 2, 2)
        >>> before = fingerprint(images)
        >>> images[1, 0, 0, 0] = 1
        >>> fingerprint(images) == before
        False
    """
    if isinstance(images, Tensor):
        flat: Any = images.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        return hashlib.sha256(flat).hexdigest()
    return str(getattr(images, "fingerprint", ""))
