"""What only shows when all files are seen together: classes that cannot be learnt, parts that lack, copies."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from jaxtyping import Int64, UInt8

from striate.data.problems import Problem, shown

__all__ = ["copies", "lacks", "unlearnt"]


def unlearnt(classes: Iterable[str]) -> Iterator[Problem]:
    """Name the classes that pictures are to be judged by, and that none was there to learn from.

    Args:
        classes: The class of each such picture.
    """
    for name, count in sorted(Counter(classes).items()):
        yield Problem("unknown class", name, f"pictures to judge: {count}; to train on: none")


def lacks(parts: Iterable[str], classes: Sequence[str], *, training: bool) -> Iterator[Problem]:
    """Say what training cannot do without; to judge a trained model, one picture is enough.

    Args:
        parts: Those that have pictures.
        classes: Those that can be learnt.
        training: Whether the data is to be trained on.
    """
    have = set(parts)
    if not have:
        yield Problem("no images", "data", "no picture can be used")
    elif training:
        for part in ("train", "val"):
            if part not in have:
                yield Problem("no images", part, "no picture is left for this part")
        if len(classes) == 1:
            yield Problem("one class", classes[0], "the only class; telling apart takes two")


def copies(
    names: Sequence[str],
    labels: Int64[np.ndarray, " N"],
    parts: Int64[np.ndarray, " N"],
    digests: UInt8[np.ndarray, "N 32"],
) -> Iterator[Problem]:
    """Find files with the same bytes: in two parts, under two labels, or simply twice.

    Args:
        names: Of the files.
        labels: Their classes.
        parts: Their parts; negative for those that are in none.
        digests: SHA-256 of each file's bytes.
    """
    first: dict[bytes, int] = {}
    for i in np.flatnonzero(parts >= 0).tolist():
        j = first.setdefault(digests[i].tobytes(), i)
        if i == j:
            continue
        same = f"the same bytes as {shown(names[j])}"
        if parts[i] != parts[j]:
            yield Problem("leak", names[i], f"{same}, which is in another part")
        if labels[i] != labels[j]:
            yield Problem("conflict", names[i], f"{same}, which has another label")
        if parts[i] == parts[j] and labels[i] == labels[j]:
            yield Problem("duplicate", names[i], same)
