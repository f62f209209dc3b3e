"""Images in folders: a folder a class, matched by name; `train/`, `val/`, `test/` above them or a seeded split."""

import os
from collections.abc import Callable, Iterator

from striate.data.assemble import assemble
from striate.data.dataset import DataOptions, Dataset
from striate.data.links import inside, require_inside
from striate.data.listing import EXTENSIONS, Listing
from striate.data.problems import LISTED, Problem, Unreadable, shown
from striate.data.split import PART_NAMES
from striate.errors import DataError

__all__ = ["accepts", "read"]


def accepts(data: str) -> bool:
    """Tell whether `data` is a folder."""
    return os.path.isdir(data)


def read(data: str, options: DataOptions, on_progress: Callable[[int, int], None] | None = None) -> Dataset:
    """Read a folder of class folders.

    Raises:
        DataError: It holds no class folder.
    """
    root = os.path.realpath(data)
    listing = Listing(os.path.basename(root) or root, root)
    tree = _Tree(root, listing.problems)
    top, loose = tree.children("")
    parts = {name: PART_NAMES[name.lower()] for name in top if name.lower() in PART_NAMES and tree.children(name)[0]}
    if parts:
        _require_one_folder_a_part(listing, parts, training=options.split[0] > 0)
        for name in top:
            if name not in parts:
                listing.wrong("ignored", name, "a folder beside train/, val/ and test/")
            else:
                classes, beside = tree.children(name)
                loose = [*loose, *beside]
                _list_classes(listing, tree, classes, parts[name])
    else:
        _list_classes(listing, tree, top, "")
    for name in loose:
        listing.wrong("ignored", name, "a file that is in no class folder")
    _require_classes(listing)
    listing.sort()
    return assemble(listing, options, on_progress)


def _list_classes(listing: Listing, tree: "_Tree", folders: list[str], part: str) -> None:
    for folder in folders:
        before = len(listing.names)
        for name in tree.images(folder):
            listing.add(name, os.path.basename(folder), part)
        if len(listing.names) == before:
            listing.wrong("empty class", folder, "a class folder without images")


def _require_one_folder_a_part(listing: Listing, parts: dict[str, str], *, training: bool) -> None:
    if len(set(parts.values())) < len(parts):
        raise DataError(
            "open_dataset: two folders mean the same part.",
            "Keep one folder each for train, val and test.",
            data=listing.root,
            folders=", ".join(parts),
            **_found(listing),
        )
    if training and "train" not in parts.values():
        raise DataError(
            "open_dataset: there is no train/ beside the other parts.",
            "Add train/, or pass split=(0, 0, 1) to judge a trained model with what is there.",
            data=listing.root,
            folders=", ".join(parts),
            **_found(listing),
        )


def _require_classes(listing: Listing) -> None:
    if listing.names or any(p.kind == "empty class" for p in listing.problems):
        return
    raise DataError(
        "open_dataset: there is no class folder with images.",
        "Give each class a folder of its own: DATA/cat/1.jpg, or DATA/train/cat/1.jpg with DATA/val and DATA/test.",
        data=listing.root,
        **_found(listing),
    )


def _found(listing: Listing) -> dict[str, object]:
    return {shown(p.name): f"{p.kind}: {p.why}" for p in listing.problems[:LISTED]}


class _Tree:
    """A folder as it may be walked: without hidden entries, and never out of it.

    Args:
        root: Absolute, free of links.
        problems: Takes what is found wrong, each thing once.
    """

    def __init__(self, root: str, problems: list[Problem]) -> None:
        self._root, self._problems = root, problems
        self._known: dict[str, tuple[list[str], list[str]]] = {}

    def children(self, folder: str) -> tuple[list[str], list[str]]:
        """List the folders and the files in a folder by name, all as paths relative to the root."""
        if folder not in self._known:
            self._known[folder] = self._list(folder)
        return self._known[folder]

    def images(self, top: str) -> Iterator[str]:
        """Find the images in a folder and in all folders below it."""
        waiting = [top]
        while waiting:
            folders, files = self._list(folder) if (folder := waiting.pop()) not in self._known else self._known[folder]
            waiting += folders
            for name in files:
                if name.lower().endswith(EXTENSIONS):
                    yield name
                else:
                    self._problems.append(Problem("ignored", name, "not named as an image"))

    def _list(self, folder: str) -> tuple[list[str], list[str]]:
        folders: list[str] = []
        files: list[str] = []
        path = os.path.join(self._root, folder).rstrip(os.sep)
        real = os.path.realpath(path)
        try:
            entries = sorted(os.listdir(path))
        except OSError as error:
            self._problems.append(Problem("unreadable", folder, error.strerror or str(error)))
            return folders, files
        for entry in entries:
            if entry.startswith(".") or entry == "__MACOSX":
                continue
            name = f"{folder}/{entry}" if folder else entry
            try:
                is_folder = os.path.isdir(f"{path}/{entry}")
                if os.path.islink(f"{path}/{entry}"):
                    is_folder = self._linked_folder(name, real, linked=real != path)
                (folders if is_folder else files).append(name)
            except Unreadable as bad:
                self._problems.append(Problem(bad.kind, name, bad.why))
        return folders, files

    def _linked_folder(self, name: str, here: str, *, linked: bool) -> bool:
        """Tell whether a link leads to a folder that may be entered.

        Args:
            name: The link.
            here: Where it really lies.
            linked: Whether a link was followed to get here.
        """
        target = require_inside(self._root, name)
        if not os.path.isdir(target):
            return False
        if inside(here, target):
            raise Unreadable("link", f"leads in a circle, to {target!r}")
        if linked:
            raise Unreadable("link", "a link to a folder, in a folder that a link led to: only one is followed")
        return True
