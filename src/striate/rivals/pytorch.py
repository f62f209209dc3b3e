"""PyTorch's own ways to run a network: as it is, with the channels of a pixel side by side, and compiled."""

import copy
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["PYTORCH", "Run"]

Run: TypeAlias = Callable[[], np.ndarray]
"""Runs a network on the images that it was made for; gives its answer."""


def _eager(model: nn.Module, images: Tensor) -> Run:
    return lambda: _given(model(images))


def _channels_last(model: nn.Module, images: Tensor) -> Run:
    model, images = copy.deepcopy(model), images.contiguous(memory_format=torch.channels_last)
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return lambda: _given(model(images))


def _compiled(model: nn.Module, images: Tensor) -> Run:
    compiled: Any = torch.compile(model)
    return lambda: _given(compiled(images))


PYTORCH: Final[dict[str, Callable[[nn.Module, Tensor], Run]]] = {
    "PyTorch": _eager,
    "PyTorch, channels_last": _channels_last,
    "torch.compile": _compiled,
}
"""By name: from a model and images to what runs it, on as many threads as PyTorch uses. Called without gradients."""


def _given(found: Tensor) -> np.ndarray:
    return found.numpy()
