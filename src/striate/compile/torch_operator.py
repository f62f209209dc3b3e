"""An operator of PyTorch's written as plain data, for what a graph has no operation of its own.

It is named, and its arguments are JSON in which `{"input": 0}` stands for the first input of the node. What is read
from a file can name nothing but functions of tensors and arithmetic of sizes.
"""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

import torch

from striate.errors import OptionError

__all__ = ["UnwritableError", "call", "filled", "function", "name_of", "written"]

# Arithmetic of sizes, which follow from an input's: its results are numbers.
_ARITHMETIC: Final[dict[str, Callable[..., Any]]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "floordiv": operator.floordiv,
    "truediv": operator.truediv,
    "mod": operator.mod,
    "neg": operator.neg,
    "max": torch.sym_max,
    "min": torch.sym_min,
    "float": torch.sym_float,
    "int": torch.sym_int,
    "trunc": math.trunc,
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,
}
_NAMES: Final = {found: name for name, found in _ARITHMETIC.items()}

# Of operators that take no tensor, those that make one of sizes; others of PyTorch's read files or draw numbers.
_MAKERS: Final = {"arange", "full", "ones", "zeros", "scalar_tensor", "linspace", "eye"}

# It draws numbers where it drops some out, which nothing does in evaluation mode.
_DRAWN_BY_DROPOUT_ALONE: Final = {"scaled_dot_product_attention"}

# What is no number and no string, by the name of its kind.
_KINDS: Final[dict[str, type]] = {
    "dtype": torch.dtype,
    "layout": torch.layout,
    "memory_format": torch.memory_format,
}


class UnwritableError(TypeError):
    """An argument that is no plain data."""


def call(*inputs: Any, target: str, args: Any, kwargs: Mapping[str, Any], item: int | None = None) -> Any:
    """Call one of PyTorch's operators.

    Args:
        inputs: What `{"input": i}` stands for.
        target: Its name, as `name_of` writes it.
        args: As `written` writes them.
        kwargs: Likewise.
        item: Which of several results.

    Raises:
        OptionError: There is no such operator, or it is none that a graph may have.

    Example:
        >>> call(torch.ones(2, 3), target="aten.sum.dim_IntList", args=({"input": 0}, (1,)), kwargs={})
        tensor([3., 3.])
    """
    found = function(target)(*filled(args, inputs), **{key: filled(value, inputs) for key, value in kwargs.items()})
    return found if item is None else found[item]


def written(value: Any, given: Callable[[Any], int | None]) -> Any:
    """Write an argument as plain data.

    Args:
        value: Nested lists, tuples, numbers and the like.
        given: Tells which input of the node a thing is; None if it is none.

    Raises:
        UnwritableError: There is something else in it.

    Example:
        >>> written([1, torch.float32], lambda value: None)
        (1, {'dtype': 'float32'})
    """
    place = given(value)
    if place is not None:
        return {"input": place}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return tuple(written(part, given) for part in value)
    if isinstance(value, torch.device):
        return {"device": value.type}
    for name, kind in _KINDS.items():
        if isinstance(value, kind):
            return {name: str(value).removeprefix("torch.")}
    raise UnwritableError(f"{type(value).__name__} {value}")


def filled(value: Any, inputs: Sequence[Any]) -> Any:
    """Read an argument that `written` wrote.

    Args:
        value: Plain data.
        inputs: What `{"input": i}` stands for.

    Example:
        >>> filled(({"input": 0}, (1, {"dtype": "float32"})), ["x"])
        ['x', [1, torch.float32]]
    """
    if isinstance(value, Mapping):
        ((kind, content),) = value.items()
        return inputs[content] if kind == "input" else _READERS[kind](content)
    return [filled(part, inputs) for part in value] if isinstance(value, list | tuple) else value


def name_of(target: Any) -> str | None:
    """Name an operator so that `function` finds it again; None if a graph may not have it.

    Example:
        >>> name_of(torch.ops.aten.bmm.default)
        'aten.bmm.default'
    """
    if isinstance(target, torch._ops.OpOverload):
        return str(target) if target.namespace == "aten" and _is_plain(target) else None
    found = _NAMES.get(target)
    return found and f"size.{found}"


@cache  # its rules are looked at once, not at every run
def function(target: str) -> Callable[..., Any]:
    """Find an operator by its name.

    Raises:
        OptionError: There is no such operator, or it is none that a graph may have.
    """
    space, _, rest = target.partition(".")
    name, _, overload = rest.partition(".")
    if space == "size" and rest in _ARITHMETIC:
        return _ARITHMETIC[rest]
    found = getattr(getattr(torch.ops.aten, name, None), overload, None) if space == "aten" and overload else None
    if not isinstance(found, torch._ops.OpOverload) or not _is_plain(found):
        raise OptionError(
            f"graph: {target!r} is no operator that a graph may have.",
            "Capture the model with this version of PyTorch, or use the one that wrote the graph.",
            torch=torch.__version__,
        )
    return found


def _is_plain(target: torch._ops.OpOverload) -> bool:
    """Whether it is a function of tensors: it writes into none, draws none, and reads no file."""
    schema = target._schema
    name = schema.name.removeprefix("aten::")
    takes = any("Tensor" in str(argument.type) for argument in schema.arguments)
    draws = torch.Tag.nondeterministic_seeded in target.tags and name not in _DRAWN_BY_DROPOUT_ALONE
    return (takes or name in _MAKERS) and not schema.is_mutable and not draws


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "float": float,
    "device": torch.device,
    **dict.fromkeys(_KINDS, lambda name: getattr(torch, name)),
}
