"""The embedded data: 1,797 real handwritten digits, 8 x 8 pixels, which scikit-learn carries; nothing is downloaded.

Source:
    The test part of E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository, 1998, https://doi.org/10.24432/C50P49, which is under CC BY 4.0. Each pixel counts the ink in a block of
    4 x 4 dots: 0 to 16.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Final, cast

import numpy as np
from jaxtyping import Int64, UInt8
from PIL import Image

from striate.data.dataset import DataOptions, Dataset, Part
from striate.data.fingerprint import fingerprint
from striate.data.image import scaled, unit
from striate.data.names import Names
from striate.data.normalization import covariance, moments, normalization
from striate.data.preprocess import Preprocess
from striate.data.split import PARTS, split

__all__ = ["accepts", "read"]

# Whatever the options say: results on the digits can be compared only if all are judged on the same ones.
_SHARES: Final = (0.6, 0.2, 0.2)
_SEED: Final = 0
_WHITE: Final = 16


def accepts(data: str) -> bool:
    """Tell whether `data` is the word `digits`; a folder of that name is `./digits`."""
    return data == "digits"


def read(data: str, options: DataOptions, on_progress: Callable[[int, int], None] | None = None) -> Dataset:
    """Give the digits, brought to size as files are, in one fixed stratified split of 60, 20 and 20 percent."""
    ink, labels = _load()
    count, channels = len(labels), options.channels or 1
    names = [f"{data}/{i:04}" for i in range(count)]
    originals = ink.astype(np.float32) / _WHITE
    pictures = np.stack([unit(scaled(Image.fromarray(image), options.middle), 1) for image in originals])
    parts = split(names, labels, _SHARES, _SEED)
    train = np.repeat(pictures[parts == 0], channels, axis=1)
    mean, std = normalization(train.mean(axis=(2, 3), dtype=np.float64), train.var(axis=(2, 3), dtype=np.float64))
    spread = covariance(*map(np.stack, zip(*map(moments, train), strict=True)))
    preprocess = Preprocess(options.size, channels, mean, std, options.resize, options.enlarge, spread)
    made: dict[str, Part] = {}
    digests: dict[str, UInt8[np.ndarray, "N 32"]] = {}
    for number, part in enumerate(PARTS):
        rows = np.flatnonzero(parts == number)
        sizes, grey = np.full((len(rows), 2), ink.shape[1:], dtype=np.int32), np.ones(len(rows), dtype=bool)
        held = np.repeat(pictures[rows], channels, axis=1)
        called = Names.of(names[i] for i in rows)
        made[part] = Part(called, labels[rows], sizes, grey, data, preprocess, held, originals[rows])
        digests[part] = np.stack(
            [np.frombuffer(hashlib.sha256(ink[i].tobytes()).digest(), dtype=np.uint8) for i in rows]
        )
    if on_progress is not None:
        on_progress(count, count)
    classes = tuple("0123456789")
    return Dataset(data, data, classes, preprocess, made, (), fingerprint(classes, made, digests))


def _load() -> tuple[UInt8[np.ndarray, "N 8 8"], Int64[np.ndarray, " N"]]:
    # It takes a second to import, and only this data needs it.
    from sklearn.datasets import load_digits  # pyright: ignore[reportMissingTypeStubs]

    found = cast(Any, load_digits())
    return found.images.astype(np.uint8), found.target.astype(np.int64)
