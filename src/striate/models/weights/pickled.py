"""Reading a state dict as PyTorch writes it, without running anything that is in it.

The digest of the file was compared before. This is the second line of defence: eight published digits can be forged
with patience, and a pickle that can name functions can do anything. So the file has to have the form of a plain
state dict, is read by PyTorch's restricted unpickler, and every tensor of it is looked at.

Source:
    PyTorch 2.13, `torch/serialization.py`: both forms of a file, and `weights_only`.
"""

import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from striate.models.weights.refusal import reason, refused
from striate.models.weights.tensors import held

__all__ = ["read_pickled"]

_ZIP: Final = b"PK\x03\x04"
# The pickle of a number by which PyTorch knows its older files (up to version 1.5).
_OLDER: Final = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def read_pickled(path: Path, most: int) -> dict[str, Tensor]:
    """Read the tensors of a file that `torch.save` has written.

    Args:
        path: The file, whose digest has been compared.
        most: Bytes that all tensors may have together.

    Raises:
        WeightsError: The file is no plain state dict, holds more than tensors, or more of them than it should.
    """
    with path.open("rb") as file:
        head = file.read(len(_OLDER))
    if head.startswith(_ZIP):
        _check_archive(path, most)
    elif head != _OLDER:
        raise refused(path, "it is of neither form that torch.save writes", begins=head)
    try:
        with warnings.catch_warnings(action="ignore"):  # of a damaged file it would warn, and then fail
            found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler has no one error for what is damaged or forbidden
        raise refused(path, "it is damaged, or holds more than tensors", reported=reason(error)) from error
    if not isinstance(found, Mapping) or not all(isinstance(name, str) for name in found):
        raise refused(path, "it holds no tensors by name", holds=type(found).__name__)
    return held(found, path, most)


def _check_archive(path: Path, most: int) -> None:
    """Refuse compiled programs, and what would grow when it is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise refused(path, "it is a damaged archive", reported=reason(error)) from error
    inside = {entry.filename.partition("/")[2] for entry in entries}
    if "constants.pkl" in inside or any(name.startswith("code/") for name in inside):
        raise refused(path, "it is a program (TorchScript), not a state dict")
    if "data.pkl" not in inside:
        raise refused(path, "it is an archive, but not of torch.save", holds=", ".join(sorted(inside)[:5]))
    packed = [entry.filename for entry in entries if entry.compress_type != zipfile.ZIP_STORED]
    if packed or sum(entry.file_size for entry in entries) > most:
        raise refused(
            path,
            "it would grow when it is unpacked, which torch.save never makes",
            compressed=", ".join(packed[:5]) or "nothing",
            unpacked=f"{sum(entry.file_size for entry in entries):,} bytes",
        )
