"""A network's scores for every sample of a part."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate.data.loader import Loader

__all__ = ["scores"]


@torch.inference_mode()
def scores(
    model: nn.Module, loader: Loader, device: torch.device, *, should_stop: Callable[[], bool] = lambda: False
) -> Float[Tensor, "N K"] | None:
    """Run the network over the loader's part, in the order of its samples.

    Args:
        model: Moved to `device` if it is not there; its mode (training or not) is left as it was.
        loader: Whose order must be that of the part: `Order(..., seed=None)`.
        device: Where to run.
        should_stop: Asked before every batch.

    Returns:
        The unnormalised scores on the CPU; None if it was asked to stop.
    """
    model.to(device)
    was_training = model.training
    model.eval()
    found: list[Tensor] = []
    try:
        for batch in loader.batches(0, loader.order.steps_per_epoch):
            if should_stop():
                return None
            images = batch.images.to(device, memory_format=torch.channels_last)
            found.append(model(images).float().cpu())
    finally:
        model.train(was_training)
    return torch.cat(found)
