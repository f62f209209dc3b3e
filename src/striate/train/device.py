"""Where the network runs."""

from collections.abc import Callable
from typing import Final

import torch

from striate.errors import OptionError

__all__ = ["device_named"]

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
