"""Where the network runs, and who convolves there."""

from collections.abc import Callable
from typing import Final, TypeVar

import torch
from torch import nn

from striate.engine import accelerate
from striate.errors import OptionError

__all__ = ["device_named", "placed"]

Model = TypeVar("Model", bound=nn.Module)

_AVAILABLE: Final[dict[str, Callable[[], bool]]] = {
    "cuda": torch.cuda.is_available,
    "mps": torch.backends.mps.is_available,
    "cpu": lambda: True,
}


def device_named(name: str) -> torch.device:
    """Find a device: `auto` takes the first of cuda, mps and cpu that this machine has.

    Raises:
        OptionError: The machine has no such device; the message lists those that it has.

    Example:
        >>> device_named("cpu")
        device(type='cpu')
    """
    here = [device for device, available in _AVAILABLE.items() if available()]
    if name == "auto":
        return torch.device(here[0])
    if name not in here:
        raise OptionError(
            f"device: there is no {name!r} here.", f"Choose one of: auto, {', '.join(here)}.", device=name
        )
    return torch.device(name)


def placed(model: Model, device: torch.device, *, by_engine: bool) -> Model:
    """Move a network to its device, in the layout that convolutions run fastest in.

    Args:
        model: It is changed in place.
        device: Where it runs.
        by_engine: Whether the engine convolves, if that is the processor; see `striate.accelerate`.

    Example:
        >>> placed(nn.Conv2d(1, 8, 3), torch.device("cpu"), by_engine=True).weight.is_contiguous()
        True
    """
    # oneDNN and cuDNN run this layout fastest, and it is the core's own (ARCHITECTURE.md).
    model = model.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return accelerate(model) if by_engine and device.type == "cpu" else model
