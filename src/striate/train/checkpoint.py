"""Checkpoints: folders of safetensors and JSON, written whole or not at all, checked whenever they are read.

    RUN/checkpoints/
        step-00000120/          a checkpoint: model, average, optimizer (.safetensors), state, about (.json)
            manifest.json       the SHA-256 of every other file
        pointers.json           which one is last, and which is best
        epoch-00005/            a checkpoint without an optimizer: the weights after an epoch that is to be kept

No file of a checkpoint can run code: there is no pickle in it.
"""

import errno
import hashlib
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, Final, Literal
from uuid import uuid4

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from striate.errors import CheckpointError
from striate.train.durable import TEMPORARY, explained, json_bytes, remove_leftovers, replace_file, write_folder

__all__ = ["Checkpoint", "Checkpoints", "read_checkpoint"]

# The names that are believed: no path leads out of the folder.
_CHECKPOINT: Final = re.compile(r"step-[0-9-]+")
_EPOCH: Final = re.compile(r"epoch-(\d{5,})")
_FILE: Final = re.compile(r"[a-z_]+\.(safetensors|json)")


@dataclass(frozen=True)
class Checkpoint:
    """All that a run needs to go on, or to be used.

    Args:
        tensors: By file and name: `model`, `optimizer`, and `average` if there is one.
        state: What training counts (`train.loop.State`).
        about: What the weights are: network, classes, preprocessing, recipe.
    """

    tensors: Mapping[str, Mapping[str, Tensor]]
    state: Mapping[str, Any]
    about: Mapping[str, Any]


class Checkpoints:
    """The checkpoints of one run: the last one, the one before it, and the best.

    Args:
        folder: `RUN/checkpoints`; it is made when the first one is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, checkpoint: Checkpoint, *, step: int, best: bool) -> Path:
        """Write a checkpoint; only when it is safely there do the pointers turn to it, and old ones go.

        Raises:
            RunError: It could not be written; the ones before it are untouched.
        """
        path = self._unused(step)
        with explained("checkpoint", path):
            pointers = self._pointers() or self._counted(checkpoint.state)
            write_folder(path, _encode(checkpoint))
            kept = {**pointers, "last": path.name, **({"best": path.name} if best else {})}
            replace_file(self.folder / "pointers.json", json_bytes(kept))
            for other in self.folder.glob("step-*"):
                if other.name not in {*kept.values(), pointers.get("last")}:
                    _remove(other)
        return path

    def keep(self, checkpoint: Checkpoint, *, epoch: int) -> None:
        """Write the weights after an epoch, for good; what is there already is the same, and stays.

        Raises:
            RunError: They could not be written.
        """
        path = self.folder / f"epoch-{epoch:05}"
        tensors = {name: group for name, group in checkpoint.tensors.items() if name != "optimizer"}
        with explained("checkpoint", path):
            if not path.exists():
                write_folder(path, _encode(replace(checkpoint, tensors=tensors)))

    @property
    def kept(self) -> list[tuple[int, Path]]:
        """The epochs whose weights are kept, and where, in the order of training."""
        found = ((_EPOCH.fullmatch(path.name), path) for path in self.folder.glob("epoch-*"))
        return sorted((int(match[1]), path) for match, path in found if match)

    def load(self, which: Literal["last", "best"]) -> Checkpoint | None:
        """Read the last checkpoint, or the best, which is the last until one is saved as the best; None if none is.

        A last one that is damaged gives way to the newest that is whole: training then repeats a few steps. The best
        one has no substitute.

        Raises:
            CheckpointError: What there is is damaged; the message names the file.
        """
        newest_first = sorted((path.name for path in self.folder.glob("step-*")), reverse=True)
        pointers = self._pointers() or self._repaired(newest_first)
        names = [pointers[which]] if which in pointers else []
        if which == "last" or not names:
            names += [name for name in newest_first if name not in names]
        damage: CheckpointError | None = None
        for candidate in names:
            try:
                return read_checkpoint(self.folder / candidate)
            except CheckpointError as error:
                damage = damage or error
        if damage:
            raise damage
        return None

    @property
    def any(self) -> bool:
        """Whether there is one, whole or damaged."""
        return any(True for _ in self.folder.glob("step-*"))

    def clean(self) -> None:
        """Remove what a crash left unfinished."""
        with explained("checkpoint", self.folder):
            remove_leftovers(self.folder)

    def _unused(self, step: int) -> Path:
        """Find a name; a step that was saved before gets another one, so that the old stays whole until the new is."""
        names = (f"step-{step:08}" + (f"-{again}" if again else "") for again in count())
        return next(path for path in map(self.folder.joinpath, names) if not path.exists())

    def _repaired(self, names: Sequence[str]) -> dict[str, str]:
        """Find out from the newest whole checkpoint what damaged pointers should say."""
        for name in names:
            with suppress(CheckpointError):
                return self._counted(read_checkpoint(self.folder / name).state)
        return {}

    def _counted(self, state: Mapping[str, Any]) -> dict[str, str]:
        """Find the best checkpoint by the step that training counts as the best."""
        step = state.get("best_step")
        named = sorted(path.name for path in self.folder.glob(f"step-{step:08}*")) if isinstance(step, int) else []
        return {"best": named[-1]} if named else {}

    def _pointers(self) -> dict[str, str]:
        try:
            found = json.loads((self.folder / "pointers.json").read_bytes())
            return {which: found[which] for which in ("last", "best") if _CHECKPOINT.fullmatch(found.get(which, ""))}
        except (OSError, ValueError, AttributeError, TypeError, RecursionError):
            return {}


def read_checkpoint(path: Path) -> Checkpoint:
    """Read one checkpoint's folder.

    Raises:
        CheckpointError: A file is missing, differs from the manifest, or is not what its name says.
    """
    sums = _json(path / "manifest.json", _bytes(path / "manifest.json"))
    files: dict[str, bytes] = {}
    for name in sums:
        if not _FILE.fullmatch(name):
            raise CheckpointError(
                f"checkpoint: {path / 'manifest.json'} lists {name!r}, which no checkpoint holds.",
                "Use another checkpoint of the run, or train again.",
            )
        file = path / name
        files[name] = _bytes(file)
        found = hashlib.sha256(files[name]).hexdigest()
        if found != sums[name]:
            raise CheckpointError(
                f"checkpoint: {file} is damaged: it is not what was written.",
                "Use another checkpoint of the run, or train again.",
                expected=sums[name],
                found=found,
            )
    for needed in ("model.safetensors", "state.json", "about.json"):
        if needed not in files:
            raise CheckpointError(
                f"checkpoint: {path} holds no {needed}.",
                "Use another checkpoint of the run, or train again.",
                holds=", ".join(sorted(files)),
            )
    tensors = {
        name.removesuffix(".safetensors"): _tensors(path / name, content)
        for name, content in files.items()
        if name.endswith(".safetensors")
    }
    state, about = (_json(path / name, files[name]) for name in ("state.json", "about.json"))
    return Checkpoint(tensors, state, about)


def _encode(checkpoint: Checkpoint) -> dict[str, bytes]:
    files = {
        f"{name}.safetensors": safetensors.torch.save({key: _plain(value) for key, value in group.items()})
        for name, group in checkpoint.tensors.items()
    }
    files["state.json"] = json_bytes(checkpoint.state)
    files["about.json"] = json_bytes(checkpoint.about)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return {**files, "manifest.json": json_bytes(sums)}


def _plain(tensor: Tensor) -> Tensor:
    """Copy a tensor: the format knows no memory layouts, and refuses tensors that share memory."""
    return tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)


def _bytes(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():  # a device or a pipe might never end
            raise OSError(errno.EINVAL, "It is no file")
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"checkpoint: {path} cannot be read: {error.strerror}.",
            "Use another checkpoint of the run, or train again.",
        ) from error


def _json(path: Path, content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise CheckpointError(f"checkpoint: {path} is not JSON.", "Use another checkpoint of the run, or train again.")
    return document


def _tensors(path: Path, content: bytes) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load(content)
    except (safetensors.SafetensorError, KeyError, RuntimeError, TypeError) as error:  # the last two: absurd shapes
        raise CheckpointError(
            f"checkpoint: {path} is not a safetensors file.",
            "Only safetensors and JSON are read here: a pickle could run code.",
            reported=str(error).splitlines()[0],
        ) from error


def _remove(path: Path) -> None:
    """Remove a checkpoint so that it is never seen half removed."""
    doomed = path.with_name(f"{TEMPORARY}{uuid4().hex}")
    path.rename(doomed)
    shutil.rmtree(doomed)
