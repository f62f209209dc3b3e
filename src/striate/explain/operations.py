"""The kinds of operation that a captured network is made of, for which a method may have a rule of its own.

To teach an operation: one line in `KINDS`.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import torch
from torch import fx

__all__ = ["KINDS", "Kind", "kind_of"]

Kind: TypeAlias = str
"""One of:

convolution, linear: a weighted sum, its kernels beside it.
relu: negative numbers become zero.
smooth: as relu, but with a rounded corner: what comes out is hardly ever negative.
gate: numbers between 0 and 1 that something else is multiplied with.
max_pool: the greatest sample under a window that slides.
norm: numbers divided by a spread that is their own (of one example; a batch's is a constant once trained).
divide: by what is not a constant.
"""


def _beyond(node: fx.Node) -> Kind | None:
    # hardtanh between 0 and something: ReLU6 among them.
    return "relu" if _given(node, 1, "min_val", -1.0) == 0 else None


def _clamp(node: fx.Node) -> Kind | None:
    return "relu" if _given(node, 1, "min", None) == 0 else None


def _threshold(node: fx.Node) -> Kind | None:
    return "relu" if _given(node, 1, "threshold", None) == 0 == _given(node, 2, "value", None) else None


def _gate(node: fx.Node) -> Kind | None:
    """What ends in a product with something else, perhaps after it was brought to size."""
    ends, waiting = set[Any](), [node]
    while waiting:
        for user in waiting.pop().users:
            if _name(user) in _RESHAPES:
                waiting.append(user)
            else:
                ends.add(_name(user))
    return "gate" if ends == {"mul"} else None


def _divide(node: fx.Node) -> Kind | None:
    return "divide" if isinstance(node.args[1], fx.Node) else None


def _given(node: fx.Node, place: int, name: str, default: Any) -> Any:
    return node.args[place] if len(node.args) > place else node.kwargs.get(name, default)


def _name(node: fx.Node) -> str:
    return node.target.overloadpacket.__name__ if isinstance(node.target, torch._ops.OpOverload) else ""


_RESHAPES: Final = {"view", "reshape", "expand", "unsqueeze", "slice", "select", "permute", "transpose", "clone"}

KINDS: Final[dict[str, Kind | Callable[[fx.Node], Kind | None]]] = {
    "conv1d": "convolution",
    "conv2d": "convolution",
    "conv3d": "convolution",
    "convolution": "convolution",
    "conv_transpose1d": "convolution",
    "conv_transpose2d": "convolution",
    "conv_transpose3d": "convolution",
    "tiled_conv": "convolution",
    "tiled_conv_transpose": "convolution",
    "linear": "linear",
    "addmm": "linear",
    "relu": "relu",
    "relu6": "relu",
    "hardtanh": _beyond,
    "clamp": _clamp,
    "clamp_min": _clamp,
    "threshold": _threshold,
    "gelu": "smooth",
    "silu": "smooth",
    "mish": "smooth",
    "hardswish": "smooth",
    "softplus": "smooth",
    "sigmoid": _gate,
    "hardsigmoid": _gate,
    "softmax": _gate,
    "max_pool1d": "max_pool",
    "max_pool2d": "max_pool",
    "max_pool3d": "max_pool",
    "max_pool2d_with_indices": "max_pool",
    "max_pool3d_with_indices": "max_pool",
    "layer_norm": "norm",
    "group_norm": "norm",
    "instance_norm": "norm",
    "div": _divide,
}


def kind_of(node: fx.Node) -> Kind | None:
    """Say of what kind an operation of a captured graph is; None if no method has a rule for it.

    Example:
        >>> graph = fx.Graph()
        >>> kind_of(graph.call_function(torch.ops.aten.hardtanh.default, (graph.placeholder("x"), 0.0, 6.0)))
        'relu'
    """
    found = KINDS.get(_name(node))
    return found(node) if callable(found) else found
