"""Optimisers by name, and their state as tensors by name."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

from striate.train.options import TrainOptions

__all__ = ["optimizer_for", "optimizer_tensors", "restore_optimizer"]

# Fused: one call for all parameters instead of several for each; on small networks that is a tenth of the step.
OPTIMIZERS: Final[dict[str, Callable[[list[dict[str, Any]], TrainOptions], Optimizer]]] = {
    "sgd": lambda groups, options: SGD(groups, lr=options.learning_rate, momentum=options.momentum, fused=True),
    "adamw": lambda groups, options: AdamW(groups, lr=options.learning_rate, fused=True),
}


def optimizer_for(
    model: nn.Module, options: TrainOptions, rates: Mapping[nn.Parameter, float] | None = None
) -> Optimizer:
    """Build the optimiser; vectors (biases, normalisation) are not decayed.

    Args:
        model: What of it takes gradients is optimised.
        options: Which optimiser, and its settings.
        rates: What the schedule's rate is multiplied by, where that is not 1. A group notes it as `scale`.

    Source:
        He et al., "Bag of Tricks for Image Classification", CVPR 2019, section 3.1 ("no bias decay").
    """
    scaled = [(p, (rates or {}).get(p, 1.0)) for p in model.parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [
        {
            "params": [p for p, s in scaled if s == scale and (p.ndim > 1) == decays],
            "weight_decay": decay,
            "scale": scale,
        }
        for scale in sorted({scale for _, scale in scaled}, reverse=True)
        for decays, decay in ((True, options.weight_decay), (False, 0.0))
    ]
    return OPTIMIZERS[options.optimizer]([group for group in groups if group["params"]], options)


def optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """List the optimiser's state, named by the parameter's place and the quantity: `3.momentum_buffer`."""
    return {
        f"{place}.{quantity}": value
        for place, parameter in enumerate(_parameters(optimizer))
        for quantity, value in optimizer.state[parameter].items()
        if isinstance(value, Tensor)
    }


def restore_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    """Give the optimiser back the state that `optimizer_tensors` listed."""
    parameters = _parameters(optimizer)
    for name, value in tensors.items():
        place, quantity = name.split(".", 1)
        parameter = parameters[int(place)]
        # In the parameter's own memory layout: another would visit the elements in another order, and the vector
        # instructions and the loop over the rest do not round alike.
        same = value.shape == parameter.shape
        ours = torch.empty_like(parameter) if same else torch.empty_like(value, device=parameter.device)
        optimizer.state[parameter][quantity] = ours.copy_(value)


def _parameters(optimizer: Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
