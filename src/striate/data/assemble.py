"""From listed files to a data set: scan them, cut the parts, number the classes, measure the training part."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Int64, Shaped

from striate.data.dataset import DataOptions, Dataset, Part
from striate.data.fingerprint import fingerprint
from striate.data.flaws import copies, lacks, unlearnt
from striate.data.image import unit
from striate.data.listing import Listing
from striate.data.names import Names
from striate.data.normalization import covariance, normalization
from striate.data.preprocess import Preprocess
from striate.data.scan import Scan, scan
from striate.data.split import PARTS, split

__all__ = ["assemble"]

_OUT = -1  # the part of a file that is in none


def assemble(listing: Listing, options: DataOptions, on_progress: Callable[[int, int], None] | None = None) -> Dataset:
    """Make a data set of what is good among the files listed; what is wrong becomes its problems."""
    found = scan(
        listing.root,
        listing.names,
        options.middle,
        channels=options.channels,
        on_progress=on_progress,
    )
    everything, labels = _number(listing.classes)
    parts = _cut(listing, labels, found.good, options)
    classes = _classes(labels, parts, training=options.split[0] > 0)
    unknown = (parts != _OUT) & ~np.isin(labels, classes)
    parts[unknown] = _OUT

    preprocess = _preprocess(found, parts == 0, options)
    kept = {part: rows for number, part in enumerate(PARTS) if (rows := _where(parts == number))}
    made = {
        part: Part(
            names=Names.of(listing.names[i] for i in rows),
            labels=np.searchsorted(classes, labels[rows]),
            sizes=found.sizes[rows],
            grey=found.grey[rows],
            root=listing.root,
            preprocess=preprocess,
            held=_held(found, rows, preprocess.channels),
        )
        for part, rows in kept.items()
    }
    names = tuple(everything[i] for i in classes)
    problems = [
        *listing.problems,
        *found.problems,
        *unlearnt(listing.classes[i] for i in _where(unknown)),
        *lacks(made, names, training=options.split[0] > 0),
        *copies(listing.names, labels, parts, found.digests),
    ]
    identity = fingerprint(names, made, {part: found.digests[rows] for part, rows in kept.items()})
    return Dataset(listing.name, listing.root, names, preprocess, made, tuple(problems), identity)


def _number(classes: list[str]) -> tuple[list[str], Int64[np.ndarray, " N"]]:
    """Give each class a number, in the order of their names, and each file its class's number."""
    names = sorted(set(classes))
    number = {name: i for i, name in enumerate(names)}
    return names, np.array([number[name] for name in classes], dtype=np.int64)


def _cut(
    listing: Listing, labels: Int64[np.ndarray, " N"], good: Bool[np.ndarray, " N"], options: DataOptions
) -> Int64[np.ndarray, " N"]:
    """Give each good file its part: the one that the data states, or one by the seeded split.

    Where the data states parts and none for validation, that is cut from the training part.
    """
    said = np.array([PARTS.index(part) if part else _OUT for part in listing.parts], dtype=np.int64)
    shares = options.split
    if (said == _OUT).all():
        open_ = good
    elif shares[0] == 0 or (good & (said == PARTS.index("val"))).any():
        open_ = np.zeros_like(good)
    else:
        open_, rest = good & (said == 0), shares[0] + shares[1]
        shares = (shares[0] / rest, shares[1] / rest, 0.0)
    parts = np.where(good, said, _OUT)
    rows = _where(open_)
    parts[rows] = split([listing.names[i] for i in rows], labels[rows], shares, options.split_seed)
    return parts


def _classes(labels: Int64[np.ndarray, " N"], parts: Int64[np.ndarray, " N"], *, training: bool) -> list[int]:
    """Choose the classes to be learnt; where nothing is to be learnt, all that there are."""
    return np.unique(labels[parts == 0 if training else parts != _OUT]).tolist()


def _where(mask: Bool[np.ndarray, " N"]) -> list[int]:
    return np.flatnonzero(mask).tolist()


def _preprocess(found: Scan, training: Bool[np.ndarray, " N"], options: DataOptions) -> Preprocess:
    channels = options.channels or (1 if training.any() and found.grey[training].all() else 3)
    means, within = found.mean[training, :channels], found.covariance[training, :channels, :channels]
    mean, std = normalization(means, np.diagonal(within, axis1=1, axis2=2))
    return Preprocess(options.size, channels, mean, std, options.resize, options.enlarge, covariance(means, within))


def _held(found: Scan, rows: list[int], channels: int) -> Shaped[np.ndarray, "n K H W"] | None:
    """Stack the pictures of a part that the scan has kept."""
    if found.pictures is None:
        return None
    pictures = [picture for i in rows if (picture := found.pictures[i]) is not None]
    if any(len(picture) > channels for picture in pictures):
        return None  # colour among grey: rare, and its luma belongs before scaling, so the files are read again
    if len({len(picture) for picture in pictures}) > 1:
        pictures = [np.repeat(p, channels // len(p), axis=0) for p in pictures]
    if len({picture.dtype for picture in pictures}) > 1:
        pictures = [unit(picture, len(picture)) for picture in pictures]
    return np.stack(pictures)
