"""The pictures that are searched: all parts of a data set in one row."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

import torch
from jaxtyping import Float
from torch import Tensor

from striate.data import Dataset
from striate.data.dataset import DataOptions, Part
from striate.data.preprocess import Preprocess
from striate.data.readers import inspect_dataset
from striate.data.transforms import normalize
from striate.errors import DataError

__all__ = ["Gallery", "open_gallery"]


@dataclass(frozen=True)
class Gallery:
    """Pictures in a row, read when they are asked for.

    Args:
        dataset: Where they are from.
        preprocess: What makes a picture the network's input.
    """

    dataset: Dataset
    preprocess: Preprocess

    def __len__(self) -> int:
        return sum(map(len, self.dataset.parts.values()))

    def __getitem__(self, indices: list[int]) -> Float[Tensor, "N C H W"]:
        """Read some, normalised: as the network takes them."""
        return normalize(torch.stack([self.read(i) for i in indices]), self.preprocess.mean, self.preprocess.std)

    @property
    def fingerprint(self) -> str:
        """Tell these pictures from others: of every picture's bytes, and of what they become."""
        return f"{self.dataset.fingerprint} {self.preprocess}"

    def read(self, index: int) -> Float[Tensor, "C H W"]:
        """Read one, in [0, 1], as the network sees it but for the normalisation.

        Raises:
            DataError: The file has gone bad since; the message names it.
        """
        part, place = self._find(index)
        return torch.from_numpy(part.read(place))

    def name(self, index: int) -> str:
        """Name one."""
        part, place = self._find(index)
        return part.names[place]

    def truth(self, index: int) -> str:
        """Name its true class."""
        part, place = self._find(index)
        return self.dataset.classes[int(part.labels[place])]

    def _find(self, index: int) -> tuple[Part, int]:
        parts = list(self.dataset.parts.values())
        ends = list(accumulate(map(len, parts)))
        which = bisect_right(ends, index)
        return parts[which], index - (ends[which] - len(parts[which]))


def open_gallery(data: str, preprocess: Preprocess, on_progress: Callable[[int, int], None] | None = None) -> Gallery:
    """Open a data set to be searched, at the size that the network sees; bad files are left out.

    Args:
        data: digits, a folder of class folders, or a CSV file.
        preprocess: What makes a picture the network's input.
        on_progress: Called with the files looked at and all files.

    Raises:
        DataError: There is no such data, or not one picture in it that can be used.

    Example:
        >>> from striate.explain.subject import subject
        >>> found = open_gallery("digits", subject("lenet5", weights="digits").preprocess)
        >>> len(found), found.name(0), found.truth(0)
        (1797, 'digits/0000', '0')
    """
    options = DataOptions(
        image_size=preprocess.image_size,
        channels=preprocess.channels,  # pyright: ignore[reportArgumentType] - Preprocess allows 1 and 3 alone
        resize=preprocess.resize,
        enlarge=preprocess.enlarge,
        split=(0.0, 0.0, 1.0),
    )
    found = Gallery(inspect_dataset(data, options, on_progress=on_progress), preprocess)
    if not len(found):
        raise DataError("explain: the data has no picture that can be used.", "Give other data.", data=data)
    return found
