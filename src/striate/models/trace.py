"""Watch a model run on tensors that have a shape and no numbers: every operation, its cost and what its output sees.

To teach it an operation: one line in the table of rules, and one in the table of costs if it multiplies. An operation
that is in no table and does not work element by element is taken to mix every position, so that a receptive field is
never understated.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from striate.models import axes
from striate.models.axes import Axes, Rule

__all__ = ["Trace"]

aten = torch.ops.aten


class Trace(TorchDispatchMode):
    """Follow one image through every operation that runs while this is active.

    Args:
        image: The input, `N C H W`.
        on_operation: Called after each operation with its name, its window in words (`5x5 /2`; "" if it has none,
            None if it is neither a convolution, a product nor pooling), its multiply-adds, its tensor arguments and
            its first output.
    """

    def __init__(
        self, image: Tensor, on_operation: Callable[[str, str | None, int, Sequence[Tensor], Tensor], None]
    ) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._on_operation = on_operation
        # Tensors are kept alive, so that an id is never used twice.
        self._kept: list[Tensor] = [image]
        self._axes: dict[int, Axes] = {id(image): axes.image_axes(image)}

    def axes_of(self, tensor: Tensor) -> Axes | None:
        """Say what a tensor sees; None if it does not depend on the image."""
        return self._axes.get(id(tensor))

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run one operation and write down what it did."""
        result = func(*args, **(kwargs or {}))
        given = _by_name(func, args, kwargs or {})
        taken, made = list(_tensors(given.values())), list(_tensors([result]))
        seen = [(tensor, found) for tensor in taken if (found := self.axes_of(tensor))]
        rule = _RULES.get(func.overloadpacket, axes.by_index if torch.Tag.pointwise in func.tags else axes.everything)
        for out in made if seen else []:
            both = [rule(given, tensor, found, out) for tensor, found in seen]
            self._axes[id(out)] = axes.join([rows for rows, _ in both]), axes.join([columns for _, columns in both])
            self._kept.append(out)
        if made:
            cost = _COSTS.get(func.overloadpacket)
            name = func.overloadpacket.__name__.strip("_")
            window = _window_of(given) if cost or "pool" in name else None
            self._on_operation(name, window, cost(given, made[0]) if cost else 0, taken, made[0])
        return result


def _by_name(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    names = [argument.name for argument in func._schema.arguments]
    defaults = {a.name: a.default_value for a in func._schema.arguments if a.has_default_value()}
    return {**defaults, **dict(zip(names, args, strict=False)), **kwargs}


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(cast("list[Any]", value))


def _window_of(given: Mapping[str, Any]) -> str:
    kernel = given.get("kernel_size", given["weight"].shape[2:] if "stride" in given and "weight" in given else ())
    if not kernel:
        return ""
    stride, dilation = _times(given["stride"] or kernel), _times(given.get("dilation", [1]))
    words = ["x".join(map(str, kernel if len(kernel) > 1 else [*kernel] * 2))]
    words += [f"/{stride}"] if stride != "1" else []
    words += [f"dilation {dilation}"] if dilation != "1" else []
    words += [f"groups {given['groups']}"] if given.get("groups", 1) > 1 else []
    return " ".join(words)


def _times(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes)) if len(set(sizes)) > 1 else str(sizes[0])


# Costs: multiply-adds, that is multiplications each with the addition that follows it.


def _convolution(given: Mapping[str, Any], out: Tensor) -> int:
    # `weight` is K Cg R S, or C Kg R S where transposed: each number of the larger side meets one row of it.
    positions = given["input"] if given["transposed"] else out
    return positions.numel() * prod(given["weight"].shape[1:])


def _product(given: Mapping[str, Any], out: Tensor) -> int:
    return out.numel() * _left(given).shape[-1]


def _left(given: Mapping[str, Any]) -> Tensor:
    return next(given[name] for name in ("mat1", "batch1", "self") if name in given)


# What `mix` mixes.


def _contracted(given: Mapping[str, Any], tensor: Tensor) -> list[int]:
    return [-1 if tensor is _left(given) else -2 if tensor.ndim > 1 else -1]


def _reduced(given: Mapping[str, Any], tensor: Tensor) -> list[int]:
    dims = given.get("dim")
    return [dims] if isinstance(dims, int) else list(dims) if dims else list(range(tensor.ndim))


def _normalised(given: Mapping[str, Any], _tensor: Tensor) -> list[int]:
    return list(range(-len(given["normalized_shape"]), 0))


def _of_batch(given: Mapping[str, Any], tensor: Tensor) -> list[int]:
    # With stored statistics nothing is mixed; InstanceNorm has none and takes those of the image.
    return list(range(2, tensor.ndim)) if given.get("training") else []


_PRODUCTS = (aten.mm, aten.addmm, aten.bmm, aten.baddbmm)

_COSTS: dict[Any, Callable[[Mapping[str, Any], Tensor], int]] = {
    aten.convolution: _convolution,
    **dict.fromkeys(_PRODUCTS, _product),
}

_RULES: dict[Any, Rule] = {
    **dict.fromkeys(
        [aten.convolution, aten.max_pool2d_with_indices, aten.avg_pool2d, aten.avg_pool3d], axes.window(axes.slide)
    ),
    **dict.fromkeys(
        [aten.constant_pad_nd, aten.reflection_pad2d, aten.replication_pad2d],
        axes.window(axes.pad),
    ),
    **dict.fromkeys([aten._adaptive_avg_pool2d, aten.adaptive_max_pool2d], axes.window(axes.adapt)),
    **dict.fromkeys([aten.upsample_nearest2d, aten.upsample_bilinear2d], axes.window(axes.enlarge)),
    aten.slice: axes.window(axes.cut),
    **dict.fromkeys(_PRODUCTS, axes.mix(_contracted)),
    **dict.fromkeys(
        [aten.mean, aten.sum, aten.amax, aten.amin, aten.max, aten.min, aten.var, aten.std, aten.var_mean],
        axes.mix(_reduced),
    ),
    **dict.fromkeys([aten.linalg_vector_norm, aten._softmax, aten._log_softmax, aten.cumsum], axes.mix(_reduced)),
    **dict.fromkeys([aten.cat, aten.split, aten.split_with_sizes, aten.select, aten.unbind], axes.mix(_reduced)),
    aten.native_layer_norm: axes.mix(_normalised),
    aten.native_batch_norm: axes.mix(_of_batch),
    **dict.fromkeys([aten.permute, aten.transpose, aten.t], axes.permute),
    **dict.fromkeys([aten.view, aten._unsafe_view, aten.unsqueeze, aten.squeeze], axes.view),
    **dict.fromkeys(
        [aten.clone, aten.detach, aten.alias, aten._to_copy, aten.copy_, aten.expand, aten._prelu_kernel], axes.by_index
    ),
}
