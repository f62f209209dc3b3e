"""Writing files so that a crash at any instant leaves the old state or the new one, never something between.

Source:
    The order write, fsync, rename, fsync of the folder: Pillai et al., "All File Systems Are Not Created Equal",
    OSDI 2014, section 4.
"""

import json
import os
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from striate.errors import RunError

__all__ = ["TEMPORARY", "explained", "json_bytes", "make_folder", "remove_leftovers", "replace_file", "write_folder"]

TEMPORARY: Final = ".unfinished-"


def json_bytes(document: Mapping[str, Any]) -> bytes:
    """Write JSON that is strictly JSON: a number that is not finite is a mistake of ours, and is refused."""
    text = json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    # File names may hold bytes that are no UTF-8, as lone surrogates; Python's escape for these is JSON's.
    return text.encode(errors="backslashreplace")


@contextmanager
def explained(what: str, path: Path) -> Generator[None]:
    """Turn the system's refusal to write into one clear error.

    Raises:
        RunError: The disk is full, the folder cannot be written, or the like.
    """
    try:
        yield
    except OSError as error:
        raise RunError(
            f"{what}: the system refuses to write: {error.strerror or error}.",
            "Make room or give write permission, or choose another folder; what was saved before is whole.",
            path=path,
        ) from error


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` in place of whatever `path` holds, in one instant."""
    temporary = path.with_name(f"{TEMPORARY}{uuid4().hex}")
    try:
        _write(temporary, content)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, so that each survives a loss of power."""
    if not path.exists():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        _sync(path.parent)


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder `path` with `files` in it, in one instant; it must not be there yet."""
    temporary = path.with_name(f"{TEMPORARY}{uuid4().hex}")
    try:
        make_folder(temporary)
        for name, content in files.items():
            _write(temporary / name, content)
        _sync(temporary)
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _sync(path.parent)


def remove_leftovers(folder: Path) -> None:
    """Remove what a crash left unfinished."""
    for leftover in folder.glob(f"{TEMPORARY}*"):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make a new or renamed entry of `folder` survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
