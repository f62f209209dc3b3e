"""Models written with PyTorch's own layers, which others know."""

import copy

from torch import nn

from striate.nn import LocalResponseNorm

__all__ = ["plain"]


def plain(model: nn.Module) -> nn.Module:
    """Give a copy of a model in which response normalisation is PyTorch's: it answers as the model does.

    Args:
        model: It is not changed.

    Example:
        >>> plain(nn.Sequential(LocalResponseNorm(5, alpha=1e-4, scale="sum")))[0].alpha
        0.0005
    """
    model = copy.deepcopy(model)
    for module in list(model.modules()):
        for place, child in module.named_children():
            if isinstance(child, LocalResponseNorm):
                alpha = child.alpha * (child.size if child.scale == "sum" else 1)
                setattr(module, place, nn.LocalResponseNorm(child.size, alpha, child.beta, child.k))
    return model
