"""Pictures and folders to test with: small, random, and the same on every run."""

import io
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Files = Mapping[str, "bytes | np.ndarray | Image.Image"]


@pytest.fixture(scope="session")
def noise() -> Callable[..., np.ndarray]:
    """Give `noise(seed, height, width, ...)`: 8-bit values."""
    return lambda seed, *shape: np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """Give `encode(picture, format, **options)`: a file's bytes."""

    def encode(picture: np.ndarray | Image.Image, kind: str = "PNG", **options: object) -> bytes:
        image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        return buffer.getvalue()

    return encode


@pytest.fixture(scope="session")
def tiff() -> Callable[[Mapping[int, int]], bytes]:
    """Give `tiff({tag: value})`: a file that claims what it is told to, with no pixels."""

    def tiff(tags: Mapping[int, int]) -> bytes:
        rows = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
        return b"II*\0" + struct.pack("<IH", 8, len(tags)) + rows + bytes(4)

    return tiff


@pytest.fixture
def lay_out(tmp_path: Path, encode) -> Callable[[Files], Path]:
    """Give `lay_out({path: bytes or picture})`: write the files, return their folder."""

    def lay_out(files: Files, name: str = "pets") -> Path:
        root = tmp_path / name
        for path, content in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else encode(content))
        return root

    return lay_out


@pytest.fixture
def pets(lay_out, noise) -> Callable[..., Path]:
    """Give `pets(count)`: a folder of `count` cats and as many dogs, 12 x 10 grey, and more files where asked."""

    def pets(count: int = 5, more: Files | None = None, shape: tuple[int, ...] = (12, 10)) -> Path:
        files = {f"{c}/{i}.png": noise(100 * k + i, *shape) for k, c in enumerate(("cat", "dog")) for i in range(count)}
        return lay_out({**files, **(more or {})})

    return pets
