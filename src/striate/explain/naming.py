"""The layers of a captured graph, by the names that a person knows them by."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

import torch
from torch import fx, nn

from striate.explain.operations import Kind, kind_of

__all__ = ["Layer", "layers_of"]


@dataclass(frozen=True)
class Layer:
    """A step of a network whose output can be looked at.

    Args:
        name: The module's path, as in `model.named_modules()`; `relu:2` where a module runs a second time. What a
            module computes by itself, outside of the modules in it, is called by its path and the function's name:
            `layer1.0.add`.
        kind: The module's class, or the function's name.
        shape: Of the output for one example: `C H W`, or `C`.
        operations: Of which kinds what it computes is; see `operations.KINDS`.
        rectified: Whether all that follows sees of it are its positive numbers, the others as zeros.
        node: The output in the graph.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    operations: tuple[Kind, ...]
    rectified: bool
    node: str

    @property
    def has_maps(self) -> bool:
        """Whether the output is feature maps: channels, height and width."""
        return len(self.shape) == 3


def layers_of(graph: fx.Graph, model: nn.Module, image: fx.Node) -> dict[str, Layer]:
    """List the layers, in the order in which they run.

    A module without modules in it is a layer; so is each function that another module calls. What gives no numbers
    with the examples first is none.

    Args:
        graph: As captured from `model`.
        model: Knows which modules have others in them.
        image: The input.
    """
    leaves = {path for path, module in model.named_modules() if path and next(module.children(), None) is None}
    examples = _size(image)
    counts: Counter[str] = Counter()
    found: dict[str, Layer] = {}
    for call, nodes in _calls(graph, leaves):
        outputs = [node for node in nodes if _is_output(node, examples) and not set(node.users) <= set(nodes)]
        if not outputs:
            continue
        output = outputs[-1]
        counts[call.name] += 1
        name = call.name if counts[call.name] == 1 else f"{call.name}:{counts[call.name]}"
        kinds = tuple(dict.fromkeys(kind for node in nodes if (kind := kind_of(node))))
        rectified = bool(output.users) and all(kind_of(user) in ("relu", "smooth") for user in output.users)
        shape = tuple(int(n) for n in output.meta["val"].shape[1:])
        found[name] = Layer(name, call.kind, shape, kinds, rectified, output.name)
    return found


class _Call(NamedTuple):
    name: str
    kind: str
    which: Any


# Steps of the tracer's own: sizes, and checks.
_NO_MODULE: Final = "_empty_nn_module_stack_from_metadata_hook"


def _calls(graph: fx.Graph, leaves: set[str]) -> Iterator[tuple[_Call, list[fx.Node]]]:
    """Give the operations that belong to one call of a module, or of a function, together."""
    nodes = [(call, node) for node in graph.nodes if (call := _call(node, leaves))]
    for call, group in groupby(nodes, key=itemgetter(0)):
        yield call, [node for _, node in group]


def _call(node: fx.Node, leaves: set[str]) -> _Call | None:
    if node.op != "call_function":
        return None
    stack: Sequence[tuple[str, tuple[str, Any]]] = list((node.meta.get("nn_module_stack") or {}).items())
    if not stack or stack[-1][0] == _NO_MODULE:
        return None
    key, (path, kind) = stack[-1]
    if path in leaves:
        kind = kind if isinstance(kind, str) else kind.__name__
        return _Call(path, kind.rpartition(".")[2], key)  # a second call of the module has another key
    function = _function(node)
    return _Call(f"{path}.{function}" if path else function, function, (key, node.meta.get("torch_fn")))


def _function(node: fx.Node) -> str:
    """Name what was called in Python: `relu` for `torch.nn.functional.relu`, `add` for `+`."""
    called, _ = node.meta.get("torch_fn") or (getattr(node.target, "__name__", str(node.target)), "")
    name = called.rpartition("_")[0] if called.rpartition("_")[2].isdigit() else called
    return name.partition(".")[0].strip("_") or node.name


def _is_output(node: fx.Node, examples: Any) -> bool:
    value = node.meta.get("val")
    if not isinstance(value, torch.Tensor) or not value.is_floating_point() or value.ndim < 2:
        return False
    return _expression(value.shape[0]) == examples and all(type(n) is int for n in value.shape[1:])


def _size(image: fx.Node) -> Any:
    return _expression(image.meta["val"].shape[0])


def _expression(size: Any) -> Any:
    return size.node.expr if isinstance(size, torch.SymInt) else size
