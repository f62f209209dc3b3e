"""Where weights lie on this machine: one folder, whose files appear whole or not at all.

CACHE/
    resnet50-11ad3fa6.pth                    as published; put there by `get`, or by hand
    resnet50.imagenet1k-v2.safetensors       converted once
    resnet50.imagenet1k-v2.json              what it is, where it came from, and the SHA-256 of both
"""

import hashlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from striate.errors import WeightsError
from striate.models.weights.published import Published

__all__ = ["card_file", "digest_of", "folder", "placing", "published_file", "tensors_file", "writing"]


def folder() -> Path:
    """Give the folder: `weights` in $STRIATE_CACHE, or else in `striate` of the user's cache (XDG).

    It need not be there yet.

    Example:
        >>> folder().name
        'weights'
    """
    own = os.environ.get("STRIATE_CACHE")
    shared = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return (Path(own) if own else Path(shared) / "striate").expanduser().absolute() / "weights"


def published_file(weights: Published) -> Path:
    """Say where the file goes as it was published."""
    return folder() / weights.file


def tensors_file(weights: Published) -> Path:
    """Say where the converted tensors go."""
    return folder() / f"{weights.model}.{weights.name}.safetensors"


def card_file(weights: Published) -> Path:
    """Say where goes what is known of the tensors; it is written last, so that it vouches for them."""
    return folder() / f"{weights.model}.{weights.name}.json"


def digest_of(path: Path, algorithm: str) -> str:
    """Compute a file's digest without holding the file in memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


@contextmanager
def writing(what: str, path: Path) -> Generator[None]:
    """Turn the system's refusal to write into one clear error.

    Raises:
        WeightsError: The disk is full, the folder cannot be written, or the like.
    """
    try:
        yield
    except OSError as error:
        raise WeightsError(
            f"weights: the system refuses to {what}: {error.strerror or error}.",
            "Make room or give write permission, or name another folder in STRIATE_CACHE.",
            path=path,
        ) from error


@contextmanager
def placing(path: Path) -> Generator[Path]:
    """Give a name to write to; when it is written, and safely on the disk, it takes the place of `path`.

    After a failure there is nothing but what was there before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(path: Path) -> None:
    """Make a file's content, or a folder's new entry, survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
