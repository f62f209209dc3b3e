"""PyTorch's operators in our words: a table, an operator a line. What is not in it stays PyTorch's.

To add one: a function here that emits what it means, if it is of the kind that an operation means, and a line in
`CONVERTERS`.
"""

import math
import operator
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias, cast

import torch
from torch import Tensor, fx

from striate.compile.builder import Builder

__all__ = ["CONVERTERS", "convert"]

_Converter: TypeAlias = Callable[[Builder, fx.Node, dict[str, Any]], str | None]
"""Emits what a call with these arguments means, and tells the name of its value; None: it stays PyTorch's."""


def convert(builder: Builder, node: fx.Node) -> None:
    """Add what one operator computes to the graph.

    Args:
        builder: The graph.
        node: The operator.

    Raises:
        CaptureError: It is one that a graph may not have.
    """
    if node.target is operator.getitem:
        builder.bind(node, _piece(builder, node, _source(node), cast("int", node.args[1])))
        return
    if isinstance(node.meta.get("val"), list | tuple):
        return  # each of its results is emitted where it is taken out
    converter = CONVERTERS.get(_name(node))
    found = converter(builder, node, _arguments(node)) if converter else None
    builder.bind(node, builder.torch(node) if found is None else found)


def _arguments(node: fx.Node) -> dict[str, Any]:
    """Arguments by name, as the operator's schema has them, with its defaults."""
    schema = cast("torch._ops.OpOverload", node.target)._schema
    found = {argument.name: argument.default_value for argument in schema.arguments}
    return found | dict(zip(found, node.args, strict=False)) | node.kwargs


def _name(node: fx.Node) -> str:
    """Of the operator, whether it writes into its input or not."""
    packet = getattr(node.target, "overloadpacket", None)
    return "" if packet is None else packet.__name__.removesuffix("_")


def _source(node: fx.Node) -> fx.Node:
    return cast("fx.Node", node.args[0])


def _shape(value: fx.Node) -> tuple[int, ...]:
    return tuple(value.meta["val"].shape)


def _pair(value: Any) -> tuple[int, int]:
    down, across = (value[0], value[-1]) if isinstance(value, list | tuple) else (value, value)
    return down, across


def _conv2d(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    stride, dilation, padding = _pair(a["stride"]), _pair(a["dilation"]), a["padding"]
    if isinstance(padding, str):
        sides = _same(_shape(a["weight"])[2:], dilation) if padding == "same" else ((0, 0), (0, 0))
    else:
        down, across = _pair(padding)
        sides = ((down, down), (across, across))
    inputs = (*map(builder.maybe, (a["input"], a["weight"], a["bias"])), None)
    options = {"stride": stride, "padding": sides, "dilation": dilation, "groups": a["groups"]}
    return builder.emit(node.name, "conv", inputs, **options) if len(_shape(node)) == 4 else None


def _same(kernel: tuple[int, ...], dilation: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    totals = [by * (taps - 1) for taps, by in zip(kernel, dilation, strict=True)]
    return tuple((total // 2, total - total // 2) for total in totals)


def _own_conv2d(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    top, bottom, left, right = a["padding"]
    options = {"stride": _pair(a["stride"]), "padding": ((top, bottom), (left, right))}
    options |= {"dilation": _pair(a["dilation"]), "groups": a["groups"]}
    options |= {"activation": ("relu",)} if a.get("relu") else {}
    inputs = map(builder.maybe, (a["input"], a["weight"], a["bias"], a.get("residual")))
    return builder.emit(node.name, "conv", tuple(inputs), **options)


def _linear(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    return builder.emit(node.name, "linear", tuple(map(builder.maybe, (a["input"], a["weight"], a["bias"]))))


def _batch_norm(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    mean, variance = builder.known(a["running_mean"]), builder.known(a["running_var"])
    weight, bias = builder.known(a["weight"]), builder.known(a["bias"])
    missing = [a[key] for key, tensor in (("weight", weight), ("bias", bias)) if tensor is None]
    if a.get("training") or mean is None or variance is None or any(value is not None for value in missing):
        return None
    factor = (variance.double() + a["eps"]).rsqrt() * (1.0 if weight is None else weight.double())
    shift = (0.0 if bias is None else bias.double()) - mean.double() * factor
    numbers = [
        builder.constant(f"{node.name}.{name}", tensor.to(mean.dtype))
        for name, tensor in (("factor", factor), ("shift", shift))
    ]
    return builder.emit(node.name, "scale", (builder.name(a["input"]), *numbers))


def _unary(kind: str, *parameters: str | float) -> _Converter:
    """Emit an activation, whose parameters are numbers, or names of the operator's arguments."""

    def emit(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
        values = [a[name] if isinstance(name, str) else name for name in parameters]
        if any(isinstance(value, fx.Node) for value in values):
            return None
        return builder.emit(node.name, "activation", (builder.name(_source(node)),), activation=(kind, *values))

    return emit


def _clip(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    bounds = [a.get(low, a.get(high)) for low, high in (("min", "min_val"), ("max", "max_val"))]
    if any(isinstance(bound, fx.Node) for bound in bounds):
        return None
    least, most = (None if bound is None or math.isinf(bound) else bound for bound in bounds)
    kind = None if least is None and most is None else ("clip", least, most)
    return builder.emit(node.name, "activation", (builder.name(_source(node)),), activation=kind)


def _elu(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    plain = a["scale"] == 1 == a["input_scale"]
    return _unary("elu", "alpha")(builder, node, a) if plain else None


def _two(op: str) -> _Converter:
    def emit(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
        tensors = [a["self"], a["other"]]
        if not all(isinstance(value, fx.Node) and _is_numbers(value) for value in tensors) or a.get("alpha", 1) != 1:
            return None
        return builder.emit(node.name, op, tuple(map(builder.name, tensors)))

    return emit


def _is_numbers(value: fx.Node) -> bool:
    found = value.meta.get("val")
    return isinstance(found, Tensor) and found.dtype == torch.float32


def _max_pool2d(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    options = {key: _pair(a[key]) for key in ("kernel_size", "padding", "dilation")}
    options |= {"stride": _pair(a["stride"] or a["kernel_size"]), "ceil_mode": a["ceil_mode"]}
    return (
        builder.emit(node.name, "max_pool", (builder.name(a["self"]),), **options) if len(_shape(node)) == 4 else None
    )


def _avg_pool2d(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    kernel, padding, name = _pair(a["kernel_size"]), _pair(a["padding"]), builder.name(a["self"])
    if len(_shape(node)) != 4:
        return None
    if kernel == _shape(a["self"])[2:] and padding == (0, 0) and a["divisor_override"] is None:
        return builder.emit(node.name, "adaptive_avg_pool", (name,), output_size=(1, 1))
    options = {key: a[key] for key in ("ceil_mode", "count_include_pad", "divisor_override")}
    options |= {"kernel_size": kernel, "stride": _pair(a["stride"] or kernel), "padding": padding}
    return builder.emit(node.name, "avg_pool", (name,), **options)


def _adaptive(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    if len(_shape(node)) != 4:
        return None
    return builder.emit(node.name, "adaptive_avg_pool", (builder.name(a["self"]),), output_size=_pair(a["output_size"]))


def _mean(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    axes = len(_shape(a["self"]))
    if axes != 4 or a["dtype"] is not None or sorted(axis % axes for axis in a["dim"] or ()) != [2, 3]:
        return None
    name = node.name if a["keepdim"] else f"{node.name}.mean"
    name = builder.emit(name, "adaptive_avg_pool", (builder.name(a["self"]),), output_size=(1, 1))
    return name if a["keepdim"] else builder.emit(node.name, "flatten", (name,), start_dim=1)


def _reshape(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    """Axes before and after stay as they are; those between become one, or one of them becomes several."""
    source = _source(node)
    if not _same_kind(source, node):
        return None  # a view of the bits as other numbers
    old, new = _shape(source), _shape(node)
    first, last = 0, 0
    while first < min(len(old), len(new)) and old[first] == new[first]:
        first += 1
    while last < min(len(old), len(new)) - first and old[-1 - last] == new[-1 - last]:
        last += 1
    name, end = builder.name(source), len(old) - last
    many = end - first
    parts = new[first : len(new) - last]
    if not many and not parts:
        return name
    if not many and {*parts} == {1}:
        return _ones(builder, node, "unsqueeze", name, [first] * len(parts))
    if not many or not parts:
        return _ends(builder, node, name, (first, end))
    if many > 1:
        last_name = node.name if len(parts) == 1 else f"{node.name}.flat"
        name = _flat(builder, last_name, name, first, None if end == len(old) else end - 1)
    if len(parts) > 1:
        args = ({"input": 0}, first, parts)
        name = builder.emit(node.name, "torch", (name,), target="aten.unflatten.int", args=args, kwargs={})
    return name


def _flat(builder: Builder, name: str, source: str, start: int, end: int | None) -> str:
    if end is None:
        return builder.emit(name, "flatten", (source,), start_dim=start)
    args = ({"input": 0}, start, end)
    return builder.emit(name, "torch", (source,), target="aten.flatten.using_ints", args=args, kwargs={})


def _ends(builder: Builder, node: fx.Node, name: str, gone: tuple[int, int]) -> str | None:
    """Axes of size 1 go, the last ones by flattening."""
    old, new = _shape(_source(node)), _shape(node)
    first, end = gone
    if new and old[: len(new)] == new:
        return _flat(builder, node.name, name, len(new) - 1, None)
    if {*old[first:end]} == {1}:
        return _ones(builder, node, "squeeze", name, range(end - 1, first - 1, -1))
    return None


def _ones(builder: Builder, node: fx.Node, how: str, name: str, axes: Iterable[int]) -> str:
    target = {"squeeze": "aten.squeeze.dim", "unsqueeze": "aten.unsqueeze.default"}[how]
    for axis in axes:
        options = {"target": target, "args": ({"input": 0}, axis), "kwargs": {}}
        name = builder.emit(node.name, "torch", (name,), **options)
    return name


def _cat(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    dim = a["dim"] % len(_shape(node))
    return builder.emit(node.name, "concat", tuple(map(builder.name, a["tensors"])), dim=dim)


def _softmax(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    dim = a["dim"] % len(_shape(node))
    wider = a.get("dtype") is not None or a.get("half_to_float", False)
    return None if wider else builder.emit(node.name, "softmax", (builder.name(a["self"]),), dim=dim)


def _slice(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    size = _shape(a["self"])
    start, stop, step = slice(a["start"], a["end"], a["step"]).indices(size[a["dim"]])
    if (start, stop, step) == (0, size[a["dim"]], 1):
        return builder.name(a["self"])
    if a["dim"] % len(size) != 1 or step != 1:
        return None
    return builder.emit(node.name, "channels", (builder.name(a["self"]),), start=start, stop=stop)


def _narrow(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    return _slice(builder, node, {**a, "end": a["start"] + a["length"], "step": 1})


def _piece(builder: Builder, node: fx.Node, source: fx.Node, item: int) -> str:
    """One of several results; of a split of channels, those channels."""
    shapes = [tuple(value.shape) for value in source.meta["val"] if isinstance(value, Tensor)]
    if _name(source) in ("split", "split_with_sizes", "chunk", "tensor_split"):
        a = _arguments(source)
        if a["dim"] % len(shapes[0]) == 1:
            start = sum(shape[1] for shape in shapes[:item])
            stop = start + shapes[item][1]
            return builder.emit(node.name, "channels", (builder.name(a["self"]),), start=start, stop=stop)
    if item == 0 and _name(source) == "_native_batch_norm_legit_no_training":
        found = _batch_norm(builder, node, _arguments(source))
        if found is not None:
            return found
    return builder.torch(source, item, node.name)


def _upsample(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    old, new = _shape(_source(node))[2:], _shape(node)[2:]
    scale = tuple(after // before for before, after in zip(old, new, strict=True))
    if len(old) != 2 or any(before * by != after for before, by, after in zip(old, scale, new, strict=True)):
        return None
    return builder.emit(node.name, "upsample", (builder.name(_source(node)),), scale=scale)


def _pad(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    left, right, top, bottom, *more = (*a["pad"], 0, 0)[: max(4, len(a["pad"]))]
    if a.get("mode", "constant") != "constant" or a.get("value") not in (None, 0) or any(more):
        return None
    if len(_shape(node)) != 4 or min(left, right, top, bottom) < 0:
        return None
    return builder.emit(node.name, "pad", (builder.name(a["self"]),), padding=((top, bottom), (left, right)))


def _shuffle(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    return builder.emit(node.name, "shuffle", (builder.name(a["self"]),), groups=a["groups"])


def _same_numbers(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    source = _source(node)
    same = _same_kind(source, node) and _shape(source) == _shape(node)
    return builder.name(source) if same else None


def _same_kind(source: fx.Node, node: fx.Node) -> bool:
    return source.meta["val"].dtype == node.meta["val"].dtype


def _dropout(builder: Builder, node: fx.Node, a: dict[str, Any]) -> str | None:
    return None if a["train"] else builder.name(_source(node))


CONVERTERS: Final[dict[str, _Converter]] = {
    "conv2d": lambda b, n, a: (_own_conv2d if "striate" in str(n.target) else _conv2d)(b, n, a),
    "conv2d_finished": _own_conv2d,
    "linear": _linear,
    "batch_norm": _batch_norm,
    "relu": _unary("relu"),
    "relu6": _unary("clip", 0.0, 6.0),
    "hardtanh": _clip,
    "clamp": _clip,
    "clamp_min": _clip,
    "clamp_max": _clip,
    "leaky_relu": _unary("leaky_relu", "negative_slope"),
    "sigmoid": _unary("sigmoid"),
    "tanh": _unary("tanh"),
    "silu": _unary("silu"),
    "gelu": _unary("gelu", "approximate"),
    "hardswish": _unary("hardswish"),
    "hardsigmoid": _unary("hardsigmoid"),
    "elu": _elu,
    "add": _two("add"),
    "mul": _two("mul"),
    "max_pool2d": _max_pool2d,
    "avg_pool2d": _avg_pool2d,
    "adaptive_avg_pool2d": _adaptive,
    "mean": _mean,
    "cat": _cat,
    "concat": _cat,
    "concatenate": _cat,
    "softmax": _softmax,
    "flatten": _reshape,
    "view": _reshape,
    "_unsafe_view": _reshape,
    "reshape": _reshape,
    "unflatten": _reshape,
    "squeeze": _reshape,
    "unsqueeze": _reshape,
    "slice": _slice,
    "narrow": _narrow,
    "upsample_nearest2d": _upsample,
    "constant_pad_nd": _pad,
    "pad": _pad,
    "channel_shuffle": _shuffle,
    "dropout": _dropout,
    "feature_dropout": _dropout,
    "alpha_dropout": _dropout,
    "contiguous": _same_numbers,
    "clone": _same_numbers,
    "detach": _same_numbers,
    "alias": _same_numbers,
    "lift_fresh": _same_numbers,
    "lift_fresh_copy": _same_numbers,
    "to": _same_numbers,
    "_to_copy": _same_numbers,
    "expand": _same_numbers,
}
