"""All rivals that are installed, ready to run a network; and why the others are not."""

import importlib.util
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final

from jaxtyping import Float32
from torch import Tensor, nn

from striate.rivals.apart import tried
from striate.rivals.files import FILES, Runtime
from striate.rivals.pytorch import PYTORCH, Run

__all__ = ["RIVALS", "described", "ready"]

RIVALS: Final = (*PYTORCH, *FILES)
"""Their names."""

_LONGEST: Final = 160  # characters of what others say of their own failures


def ready(
    model: nn.Module,
    images: Float32[Tensor, "N C H W"],
    threads: int,
    *,
    told: Callable[[], None] = lambda: None,
) -> tuple[dict[str, Run], dict[str, str]]:
    """Make all rivals that are installed ready to run a network.

    Args:
        model: In evaluation mode.
        images: What they run it on.
        threads: That each is to use; PyTorch's ways use as many as PyTorch does now.
        told: Called when one is ready, or left out.

    Returns:
        By name, how to run it; and why the others are left out.

    Example:
        >>> import torch
        >>> runs, left_out = ready(nn.Conv2d(3, 4, 1).eval(), torch.zeros(1, 3, 8, 8), 1)  # doctest: +SKIP
        >>> runs["PyTorch"]().shape  # doctest: +SKIP
        (1, 4, 8, 8)
    """
    runs: dict[str, Run] = {}
    left_out: dict[str, str] = {}
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # theirs
        for name in RIVALS:
            try:
                if name in PYTORCH:
                    found = PYTORCH[name](model, images)
                else:
                    found = _opened(name, FILES[name], model, images, threads, Path(folder))
            except Exception as error:  # whatever they raise at a network that they do not take
                found = described(error)
            if isinstance(found, str):
                left_out[name] = found
            else:
                runs[name] = found
            told()
    return runs, left_out


def described(error: Exception) -> str:
    """Say in one line what another's error says."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:_LONGEST]


def _opened(name: str, runtime: Runtime, model: nn.Module, images: Tensor, threads: int, folder: Path) -> Run | str:
    """What runs the network, or why nothing does."""
    missing = [package for module, package in runtime.packages.items() if importlib.util.find_spec(module) is None]
    if missing:
        return f"it is not installed: pip install {' '.join(missing)}"
    runtime.write(model, images, folder)
    array = images.numpy()
    wrong = tried(name, folder, array, threads) if runtime.crashes else ""
    return wrong or runtime.open(folder, array, threads)
