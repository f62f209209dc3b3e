"""The identity of a data set in one line: the same data gives the same one, and any change another."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import UInt8

from striate.data.dataset import Part

__all__ = ["fingerprint"]


def fingerprint(
    classes: Sequence[str], parts: Mapping[str, Part], digests: Mapping[str, UInt8[np.ndarray, "N 32"]]
) -> str:
    """Hash the classes, and each picture's part, name, label and bytes.

    Args:
        classes: Sorted names.
        parts: By name.
        digests: Of each part, for each picture the SHA-256 of its bytes.

    Returns:
        64 hexadecimal digits.
    """
    whole = hashlib.sha256()

    def add(text: str) -> None:
        # Its length goes before each text, so that no two data sets run together into the same bytes.
        raw = text.encode("utf-8", "surrogateescape")
        whole.update(len(raw).to_bytes(8, "little") + raw)

    for name in classes:
        add(name)
    for name, part in parts.items():
        add(f"{name} {len(part)}")
        for file in part.names:
            add(file)
        whole.update(part.labels.astype("<i8").tobytes())
        whole.update(digests[name].tobytes())
    return whole.hexdigest()
