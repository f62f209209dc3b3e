"""What a file of weights may hold: plain tensors of plain numbers, and no more of them than it should."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from striate.models.weights.refusal import refused

__all__ = ["held"]

# Weights and averages; and the count of batches, which batch normalisation keeps.
_DTYPES: Final = (torch.float32, torch.int64)


def held(found: Mapping[str, Any], path: Path, most: int) -> dict[str, Tensor]:
    """Copy what a file holds into memory of its own, if it is what weights are.

    Args:
        found: By name.
        path: The file, for the message.
        most: Bytes that all of it may have together. A tensor can claim more than its file holds: a view may repeat.

    Raises:
        WeightsError: Something is not a dense tensor of float32 or int64, or it is too much.
    """
    claimed = 0
    for name, value in found.items():
        plain = type(value) in (Tensor, nn.Parameter) and value.layout is torch.strided and value.device.type == "cpu"
        if not (plain and value.dtype in _DTYPES):
            kind = f"{type(value).__name__} of {getattr(value, 'dtype', 'no numbers')}"
            raise refused(path, f"{name!r} is not a dense tensor of float32 or int64", received=kind)
        claimed += value.numel() * value.element_size()
    if claimed > most:
        sizes = {"tensors": f"{claimed:,} bytes", "most": f"{most:,} bytes"}
        raise refused(path, "its tensors are larger than the published ones", **sizes)
    return {name: value.detach().clone(memory_format=torch.contiguous_format) for name, value in found.items()}
