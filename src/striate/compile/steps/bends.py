"""Activations of a graph, as the core bends numbers."""

from collections.abc import Sequence
from typing import Any, Final

from striate.engine.program import BENDS, Bent, bent

__all__ = ["bend", "unbent"]

_NAMES: Final = {("gelu", "none"): "gelu", ("gelu", "tanh"): "gelu_tanh"}


def unbent(activation: Sequence[Any] | None) -> str:
    """Say why the core cannot do an activation; "" if it can.

    Example:
        >>> unbent(("relu",)), unbent(("mish",))
        ('', "the core has no activation 'mish'")
    """
    return "" if activation is None or activation[0] in BENDS else f"the core has no activation {activation[0]!r}"


def bend(activation: Sequence[Any] | None) -> Bent | None:
    """Write an activation of a graph as the core has it.

    Example:
        >>> bend(("clip", 0.0, None)), bend(("gelu", "tanh")), bend(None)
        ((1, 0.0, inf), (7, 0.0, 0.0), None)
    """
    if activation is None:
        return None
    name, *numbers = activation
    if name == "gelu":
        return bent(_NAMES[name, numbers[0]])
    if name == "clip":
        least, most = numbers
        return bent(name, -float("inf") if least is None else least, float("inf") if most is None else most)
    return bent(name, *numbers)
