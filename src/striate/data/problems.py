"""What can be wrong with data, how grave it is, and how it is said.

To add a kind: one line in the table.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from striate.errors import DataError

__all__ = ["KINDS", "LISTED", "Problem", "Unreadable", "plain", "refuse", "shown"]

# How many problems an error lists before it only counts.
LISTED: Final = 20

Stops = Literal["always", "unless skipped", "never"]

# kind: whether training stops for it. Those that stop "unless skipped" are left out where bad data is skipped.
KINDS: Final[dict[str, Stops]] = {
    "bad line": "always",
    "unknown class": "always",
    "one class": "always",
    "no images": "always",
    "missing": "unless skipped",
    "unreadable": "unless skipped",
    "not a file": "unless skipped",
    "link": "unless skipped",
    "empty": "unless skipped",
    "too large": "unless skipped",
    "not an image": "unless skipped",
    "truncated": "unless skipped",
    "corrupt": "unless skipped",
    "unscaled": "unless skipped",
    "empty class": "unless skipped",
    "leak": "never",
    "conflict": "never",
    "duplicate": "never",
    "ignored": "never",
}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with one file, line, class or part.

    Args:
        kind: A key of `KINDS`.
        name: The file, relative to the data's root; or the class folder, line or part.
        why: What was found there.
    """

    kind: str
    name: str
    why: str

    def __str__(self) -> str:
        return f"{shown(self.name)}  {self.kind}: {self.why}"

    def stops(self, *, skip_bad: bool) -> bool:
        """Tell whether training must not begin with this in the data."""
        stops = KINDS[self.kind]
        return stops == "always" or (stops == "unless skipped" and not skip_bad)


class Unreadable(Exception):  # noqa: N818 - it never reaches a caller: it becomes a Problem or a DataError
    """A file that cannot be used, on its way to whoever knows the file's name.

    Args:
        kind: A key of `KINDS`.
        why: What was found.
    """

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(kind, why)
        self.kind, self.why = kind, why


def shown(name: str) -> str:
    r"""Write a file's name so that it stays on its line and can be printed anywhere.

    Example:
        >>> print(shown("two\nlines.png"), shown("caf\udce9.png"))
        'two\nlines.png' 'caf\udce9.png'
    """
    return repr(name)


def plain(name: str) -> str:
    r"""Write a name as it is where that can be printed, and quoted where not.

    Example:
        >>> print(plain("Katze"), plain("two\nlines"))
        Katze 'two\nlines'
    """
    return name if name.isprintable() else repr(name)


def refuse(name: str, root: str, problems: Iterable[Problem], *, skip_bad: bool) -> None:
    """Stop, naming what is wrong, if any problem is grave enough.

    Raises:
        DataError: It lists the first 20 by name, those that cannot be skipped before the others, and counts the rest.
    """
    grave = [p for p in problems if p.stops(skip_bad=skip_bad)]
    if not grave:
        return
    grave.sort(key=lambda p: KINDS[p.kind] != "always")
    received: dict[str, object] = {"data": root}
    for p in grave[:LISTED]:
        # Quoted, so no file's name can be one of this dictionary's own.
        key, words = shown(p.name), f"{p.kind}: {p.why}"
        received[key] = f"{received[key]}; {words}" if key in received else words
    if len(grave) > LISTED:
        received["and"] = f"{len(grave) - LISTED} more"
    things = "1 problem stops" if len(grave) == 1 else f"{len(grave)} problems stop"
    skippable = all(KINDS[p.kind] != "always" for p in grave)
    remedy = (
        "Mend or remove what is named, or go on without it: skip_bad=True, on the command line --skip-bad."
        if skippable
        else "Mend what is named: some of it cannot be skipped."
    )
    raise DataError(f"open_dataset: {things} {shown(name)}.", remedy, **received)
