"""Measured times, remembered: what each algorithm took for a problem, on this machine, with these kernels.

Wisdom is JSON lines, a line a measurement; to merge two files, concatenate them: the last valid line of a problem wins.
A line says for what it holds: the kernels (a digest of the compiled core), the processor, the instruction set, the
threads and the problem. A line of another machine or of other kernels is left
alone. One that is damaged is skipped and counted.

There are two files: the package's own, and the user's, which wins: `wisdom.jsonl` in $STRIATE_CACHE, or else in
`striate` of the user's cache (XDG). STRIATE_WISDOM names another file in place of the user's; `off` switches all of it
off.
"""

import hashlib
import json
import math
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from striate.engine.core import core

__all__ = ["Book", "Remembered", "books", "kernels", "preferred", "recall", "remember", "user_file"]

VERSION: Final = 1  # of the lines; others are skipped
SHIPPED: Final = Path(__file__).with_name("wisdom.jsonl")
MARGIN: Final = 0.03  # by which another has to be faster than what is estimated best, so that choices do not flicker


@dataclass(frozen=True)
class Remembered:
    """What was measured of one problem.

    Args:
        problem: Its direction and sizes, as `Problem` writes them.
        threads: That shared the work.
        seconds: The median of each algorithm that was measured.
        turns: That each had, but those that were stopped early because they took more than twice the best's time.
    """

    problem: str
    threads: int
    seconds: Mapping[str, float]
    turns: int


class _Key(NamedTuple):
    kernels: str
    processor: str
    isa: str
    threads: int
    problem: str


@dataclass(frozen=True)
class Book:
    """A file of wisdom, as it was read.

    Args:
        path: Where it is, or would be.
        entries: Its valid lines, the last of each problem.
        skipped: How many lines are damaged, or of another version.
        unreadable: Why nothing could be read; "" if it could, or if there is no file.
    """

    path: Path
    entries: Mapping[Any, Remembered]
    skipped: int = 0
    unreadable: str = ""


# What this process has measured, whether or not it could be written.
_LEARNT: Final[dict[_Key, Remembered]] = {}
_BOOKS: Final[dict[Path, tuple[object, Book]]] = {}


def recall(problem: object, *, threads: int, only: Path | None = None) -> Remembered | None:
    """Find what was measured of a problem: in this process, by the user, or by us before.

    Args:
        problem: Its direction and sizes.
        threads: That share the work.
        only: The one file to look in.

    Example:
        >>> recall("forward  N=1 C=no such problem", threads=1) is None
        True
    """
    key = _key(str(problem), threads)
    shelves: list[Mapping[Any, Remembered]] = [_LEARNT, *(book.entries for book in books() if key.kernels)]
    if only is not None:
        shelves = [_book(only).entries] if key.kernels else []
    return next((entries[key] for entries in shelves if key in entries), None)


def preferred(measured: Mapping[str, float], able: Mapping[str, float]) -> str:
    """Name the algorithm that measured times speak for.

    What is estimated best stays, unless another was faster by more than 3 %. A measurement that left it out, because
    something else was asked for then, says nothing.

    Args:
        measured: Seconds that algorithms took.
        able: Seconds that those are estimated to take that are allowed here and now.

    Returns:
        "" if the measurement says nothing.

    Example:
        >>> preferred({"direct": 2.0, "torch": 1.0}, {"direct": 0.7, "torch": 0.8})
        'torch'
    """
    known = {name: seconds for name, seconds in measured.items() if name in able}
    first = min(able, key=able.__getitem__, default="")
    if first not in known:
        return ""
    best = min(known, key=known.__getitem__)
    return best if known[best] < (1 - MARGIN) * known[first] else first


def remember(found: Remembered) -> str:
    """Keep a measurement, for this process and in the user's file.

    A line is written at once, at the end of the file, so that two processes do not disturb each other.

    Returns:
        Why it could not be written, in a sentence; "" if it was.
    """
    key = _key(found.problem, found.threads)
    _LEARNT[key] = found
    path = user_file()
    if not key.kernels:
        return (
            "nothing is written: the file of the compiled core cannot be read, so nobody could tell its kernels again"
        )
    if path is None:
        return "nothing is written: STRIATE_WISDOM is off, or there is no home for a cache"
    line = {"w": VERSION, **key._asdict(), **asdict(found), "date": datetime.now(UTC).isoformat(timespec="seconds")}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _append(path, json.dumps(line) + "\n")
    except OSError as error:
        return f"nothing is written to {path}: {error.strerror or error}"
    return ""


def user_file() -> Path | None:
    """Say where the user's wisdom is, or would be; None where it is switched off, or the user has no home.

    Example:
        >>> str(user_file()).endswith("wisdom.jsonl") or "STRIATE_WISDOM" in os.environ
        True
    """
    asked = os.environ.get("STRIATE_WISDOM", "")
    if asked:
        return None if asked == "off" else Path(asked).absolute()
    own = os.environ.get("STRIATE_CACHE")
    try:  # a home that nobody can tell is a RuntimeError
        shared = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "striate"
        return (Path(own) if own else shared).expanduser().absolute() / "wisdom.jsonl"
    except RuntimeError:
        return None


def books() -> list[Book]:
    """Read the files that count, those that win first; one that has not changed is not read again."""
    if os.environ.get("STRIATE_WISDOM") == "off":
        return []
    return [_book(path) for path in (user_file(), SHIPPED) if path is not None]


def kernels() -> str:
    """Give the digest of the compiled core: times of other kernels say nothing about these.

    Returns:
        "" if the core's file cannot be read: then nothing is remembered beyond this process.

    Example:
        >>> len(kernels())
        16
    """
    path = Path(str(core().__file__))
    try:
        state = path.stat()
        return _digest(path, state.st_mtime_ns, state.st_size)
    except OSError:
        return ""


@lru_cache(maxsize=2)
def _digest(path: Path, changed_ns: int, size_bytes: int) -> str:
    """Hash the file; its date and size are there so that another file of the same name is hashed anew."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


@lru_cache(maxsize=1)
def _processor() -> str:
    found = core().machine()
    return found.processor or found.architecture


def _key(problem: str, threads: int) -> _Key:
    return _Key(kernels(), _processor(), core().chosen_isa() or "", threads, problem)


def _append(path: Path, line: str) -> None:
    """Write a line with one call of the system, which no other process's can come between."""
    content = line.encode()
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        end = os.fstat(descriptor).st_size
        if end and os.pread(descriptor, 1, end - 1) != b"\n":  # somebody's line was cut off; ours is not to be its end
            content = b"\n" + content
        if os.write(descriptor, content) != len(content):
            raise OSError("the disk is full")
    finally:
        os.close(descriptor)


def _book(path: Path) -> Book:
    try:
        state = path.stat()
    except FileNotFoundError:
        return Book(path, {})
    except OSError as error:
        return Book(path, {}, unreadable=error.strerror or str(error))
    if not stat.S_ISREG(state.st_mode):  # a pipe would be waited for
        return Book(path, {}, unreadable="it is no file")
    stamp = (state.st_mtime_ns, state.st_size, state.st_ino)
    kept = _BOOKS.get(path)
    if kept is None or kept[0] != stamp:
        kept = _BOOKS[path] = (stamp, _read(path))
    return kept[1]


def _read(path: Path) -> Book:
    entries: dict[_Key, Remembered] = {}
    skipped = 0
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                found = _parsed(line) if line.strip() else None
                skipped += bool(line.strip()) and found is None
                if found:
                    entries[found[0]] = found[1]
    except OSError as error:
        return Book(path, {}, unreadable=error.strerror or str(error))
    return Book(path, entries, skipped)


def _parsed(line: str) -> tuple[_Key, Remembered] | None:
    """Understand a line; None if it is not one of ours, whole and of this version."""
    try:
        content: dict[str, Any] = json.loads(line)
        key = _Key(*(content[field] for field in _Key._fields))
        found = Remembered(**{field: content[field] for field in Remembered.__dataclass_fields__})
        seconds = [float(s) for s in found.seconds.values()]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    texts = ("kernels", "processor", "isa", "problem")
    whole = (
        content.get("w") == VERSION
        and all(isinstance(content[field], str) for field in texts)
        and all(isinstance(content[field], int) for field in ("threads", "turns"))
        and all(math.isfinite(s) and s > 0 for s in seconds)
    )
    return (key, found) if whole else None
