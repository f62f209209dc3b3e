"""What is in a data set, in numbers and in words: what `striate data DATA` shows."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from striate.data.dataset import Dataset
from striate.data.problems import KINDS, Problem, plain, shown

__all__ = ["Description", "describe"]

# How many problems of a kind the text lists before it only counts.
_LISTED = 5


@dataclass(frozen=True)
class Description:
    """A data set at a glance; `str` gives it as text.

    Args:
        name: What the data set is called.
        root: Where it is.
        fingerprint: Its identity.
        classes: Names, sorted.
        counts: For each part the pictures of each class.
        heights: Least, median and largest height of the originals, in pixels; None without pictures.
        widths: Likewise.
        grey: Pictures without colours.
        color: Pictures with colours.
        problems: By kind, the gravest first.
    """

    name: str
    root: str
    fingerprint: str
    classes: tuple[str, ...]
    counts: Mapping[str, tuple[int, ...]]
    heights: tuple[float, float, float] | None
    widths: tuple[float, float, float] | None
    grey: int
    color: int
    problems: Mapping[str, tuple[Problem, ...]]

    def __str__(self) -> str:
        lines = [f"{plain(self.name)}  {len(self.classes)} classes, {self.grey + self.color} pictures", *self._table()]
        if self.heights and self.widths:
            ranges = (f"{low:g} to {high:g}, median {mid:g}" for low, mid, high in (self.heights, self.widths))
            lines += ["{:<8}  {} pixels".format(*row) for row in zip(("height", "width"), ranges, strict=True)]
        lines += [f"colour    {self.color} pictures, {self.grey} grey", f"identity  {self.fingerprint[:16]}"]
        for kind, problems in self.problems.items():
            lines.append(f"{kind}: {len(problems)} ({_GRAVITY[KINDS[kind]]})")
            lines += [f"  {shown(p.name)}  {p.why}" for p in problems[:_LISTED]]
            if len(problems) > _LISTED:
                lines.append(f"  and {len(problems) - _LISTED} more")
        return "\n".join(lines)

    def _table(self) -> list[str]:
        classes = [plain(name) for name in self.classes]
        rows = [("class", *self.counts), *zip(classes, *self.counts.values(), strict=True)]
        rows.append(("all", *(sum(of) for of in self.counts.values())))
        widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
        return [
            "  ".join(str(cell).ljust(w) if i == 0 else str(cell).rjust(w) for i, (cell, w) in enumerate(cells))
            for cells in (tuple(zip(row, widths, strict=True)) for row in rows)
        ]


_GRAVITY = {
    "always": "stops training",
    "unless skipped": "stops training unless skipped",
    "never": "for your information",
}


def describe(dataset: Dataset) -> Description:
    """Count what is in a data set, and sort what is wrong with it."""
    parts = dataset.parts.values()
    sizes = np.concatenate([np.zeros((0, 2), dtype=np.int32), *(part.sizes for part in parts)])
    low_to_high = [
        (float(side.min()), float(np.median(side)), float(side.max())) if len(side) else None for side in sizes.T
    ]
    grey = sum(int(part.grey.sum()) for part in parts)
    return Description(
        name=dataset.name,
        root=dataset.root,
        fingerprint=dataset.fingerprint,
        classes=dataset.classes,
        counts={
            name: tuple(np.bincount(part.labels, minlength=len(dataset.classes)).tolist())
            for name, part in dataset.parts.items()
        },
        heights=low_to_high[0],
        widths=low_to_high[1],
        grey=grey,
        color=len(sizes) - grey,
        problems={kind: of for kind in KINDS if (of := tuple(p for p in dataset.problems if p.kind == kind))},
    )
