"""From the file as it was published to tensors under our names: once, and only if it is that file.

The order is the safety: size and digest first, then what the file may hold, then everything else.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from striate.models.weights.cache import digest_of
from striate.models.weights.graph import require_graph
from striate.models.weights.initialisers import read_initialisers
from striate.models.weights.kept import keep
from striate.models.weights.pickled import read_pickled
from striate.models.weights.published import Form, Published
from striate.models.weights.refusal import refused

__all__ = ["READERS", "convert", "prove"]

READERS: Final[dict[Form, Callable[[Path, int], dict[str, Tensor]]]] = {
    "torch": read_pickled,
    "onnx": read_initialisers,
}


def prove(weights: Published, path: Path) -> None:
    """Compare a file with what was published of it.

    Raises:
        WeightsError: It is another file, or not the whole one.
    """
    size = path.stat().st_size
    if size > weights.most_bytes:
        sizes = {"size": f"{size:,} bytes", "most": f"{weights.most_bytes:,} bytes"}
        raise refused(path, "it is larger than the published file", **sizes)
    found = digest_of(path, weights.algorithm)
    if not found.startswith(weights.digest):
        digests = {"published": f"{weights.algorithm} {weights.digest}", "found": f"{weights.algorithm} {found}"}
        raise refused(path, "its digest is not the published one", **digests, size=f"{size:,} bytes")


def convert(weights: Published, path: Path) -> Path:
    """Prove a published file, read it, and keep its tensors under our names, with a card of where they came from.

    Returns:
        The safetensors file, in the cache.

    Raises:
        WeightsError: It is not the published file, or does not hold or compute what it should; or the cache cannot be
            written.
    """
    prove(weights, path)
    if weights.graph:
        require_graph(path, weights.graph)
    tensors = _ours(weights, READERS[weights.form](path, weights.most_bytes), path)
    return keep(weights, tensors, path)


def _ours(weights: Published, tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Give the tensors our names, our order of colours, and the counts that older files lack."""
    names = weights.names or {name: name for name in tensors}
    if names.keys() != tensors.keys():
        missing, others = sorted(names.keys() - tensors.keys()), sorted(tensors.keys() - names.keys())
        raise refused(path, "it holds other tensors than were published", missing=missing, others=others)
    ours = {names[name]: tensor for name, tensor in tensors.items()}
    if weights.bgr:
        first = next(iter(names.values()))
        ours[first] = ours[first].flip(1).contiguous()
    for name in list(ours):
        # PyTorch counts batches since 0.4.1; it takes files without the count, and begins it at 0.
        counted = name.removesuffix("running_mean") + "num_batches_tracked"
        if name.endswith("running_mean") and counted not in ours:
            ours[counted] = torch.tensor(0)
    return ours
