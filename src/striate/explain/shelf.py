"""The folder beside the page: every picture as a PNG file, every array as NumPy's."""

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Shaped, UInt8
from torch import Tensor

from striate.explain.rendering import enlarged, png
from striate.train.durable import explained, make_folder, replace_file

__all__ = ["Shelf"]

# Pictures with fewer pixels a side are enlarged.
_SMALL: Final = 64
# What pages have on their shelves, whatever their layers and images; anything else there is not ours to remove.
_OURS: Final = (
    "image-[0-9][0-9]*/*.png", "image-[0-9][0-9]*/*.npy", "image-[0-9][0-9]*/maps/**/*.png",
    "**/map-[0-9]*-pieces.png", "**/map-[0-9]*-projections.*", "**/map-[0-9]*-optimised.png",
    "**/map-[0-9]*-epochs.png", "**/kernels.*", "translation/*.npy", "scaling/*.npy", "rotation/*.npy",
)  # fmt: skip


@dataclass(frozen=True)
class Shelf:
    """A folder that pictures and arrays are put into, each in one instant.

    Args:
        folder: Made where it is missing; what it holds of the same name is replaced.

    Example:
        >>> import tempfile, torch
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Shelf(Path(folder)).array("conv1/map 3", torch.zeros(2)).name
        'map-3.npy'
    """

    folder: Path

    def picture(self, name: str, pixels: UInt8[np.ndarray, "H W C"]) -> Path:
        """Keep a picture as `name.png`; few pixels become large squares, so that a viewer does not blur them.

        Raises:
            RunError: The folder cannot be written.
        """
        small = max(pixels.shape[:2]) < _SMALL
        return self._put(name, ".png", png(enlarged(pixels, 4 * _SMALL) if small else pixels))

    def array(self, name: str, values: Shaped[Tensor, "..."]) -> Path:
        """Keep an array as `name.npy`.

        Raises:
            RunError: The folder cannot be written.
        """
        content = io.BytesIO()
        np.save(content, values.detach().cpu().numpy(), allow_pickle=False)
        return self._put(name, ".npy", content.getvalue())

    def clear(self) -> None:
        """Remove the pictures and arrays of an earlier page, and the folders that this leaves empty.

        Raises:
            RunError: The folder cannot be written.
        """
        with explained("explain", self.folder):
            for path in {path for pattern in _OURS for path in self.folder.glob(pattern)}:
                path.unlink()
                for folder in path.parents:
                    if folder == self.folder or any(folder.iterdir()):
                        break
                    folder.rmdir()

    def _put(self, name: str, ending: str, content: bytes) -> Path:
        # Names of layers and files may hold anything; of theirs, only what every file system takes is kept.
        parts = [re.sub(r"[^\w.-]+", "-", part).strip(".-") or "x" for part in name.split("/")]
        path = self.folder.joinpath(*parts).with_name(f"{parts[-1]}{ending}")
        with explained("explain", path):
            make_folder(path.parent)
            replace_file(path, content)
        return path
