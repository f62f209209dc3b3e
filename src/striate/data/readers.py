"""One reader per kind of data. To add one: write its file, add one line to the table."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from striate.data import digits, folder, manifest
from striate.data.dataset import DataOptions, Dataset
from striate.data.problems import refuse, shown
from striate.errors import DataError

__all__ = ["READERS", "Reader", "inspect_dataset", "open_dataset"]


@dataclass(frozen=True)
class Reader:
    """A row of the table.

    Args:
        reads: What it reads, in words.
        accepts: Whether it is the one for what was given.
        read: Reads it; lists what is wrong with it, and raises only where there is nothing to read.
    """

    reads: str
    accepts: Callable[[str], bool]
    read: Callable[[str, DataOptions, Callable[[int, int], None] | None], Dataset]


# The first that accepts what was given reads it.
READERS: Final[dict[str, Reader]] = {
    "digits": Reader("digits: 1,797 handwritten digits, embedded", digits.accepts, digits.read),
    "folder": Reader("a folder that holds a folder of images for each class", folder.accepts, folder.read),
    "manifest": Reader("a .csv file with the columns path,label or path,label,split", manifest.accepts, manifest.read),
}


def open_dataset(
    data: str | os.PathLike[str],
    options: DataOptions = DataOptions(),  # noqa: B008 - frozen
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Open labelled pictures for training; every file is decoded once, so that a bad one shows now.

    Args:
        data: `digits`, a folder or a CSV file; docs/data.md tells what may be in them.
        options: Size, channels, split, and what to do about bad files.
        on_progress: Called with the files looked at and all files.

    Returns:
        The data, which has a part "train" and a part "val", and mostly a part "test".

    Raises:
        DataError: There is no such data, or it has problems that stop training; they are named.

    Example:
        >>> data = open_dataset("digits")
        >>> {name: len(part) for name, part in data.parts.items()}
        {'train': 1079, 'val': 359, 'test': 359}
        >>> data.parts["train"].read(0).shape
        (1, 32, 32)
    """
    found = inspect_dataset(data, options, on_progress=on_progress)
    refuse(found.name, found.root, found.problems, skip_bad=options.skip_bad)
    return found


def inspect_dataset(
    data: str | os.PathLike[str],
    options: DataOptions = DataOptions(),  # noqa: B008 - frozen
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Open labelled pictures to see what is in them: as `open_dataset`, but problems are listed and stop nothing.

    Returns:
        What is good in the data; any part may be missing.

    Raises:
        DataError: There is no such data, or no class in it.
    """
    given = os.fsdecode(data)
    for reader in READERS.values():
        if reader.accepts(given):
            return reader.read(given, options, on_progress)
    rule = "is neither a folder nor a .csv file" if os.path.exists(given) else "does not exist"
    raise DataError(
        f"open_dataset: {shown(given)} {rule}.",
        "Give one of these. No other file is opened, and none is ever unpickled.",
        **{name: reader.reads for name, reader in READERS.items()},
    )
