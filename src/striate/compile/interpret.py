"""A graph run operation by operation in PyTorch: the definition, the fallback, and where sizes come from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from striate.compile.graph import Graph, Node
from striate.compile.operations import OPERATIONS
from striate.errors import OptionError

__all__ = ["run", "run_node", "shapes"]


def run(graph: Graph, *inputs: Shaped[Tensor, "..."]) -> tuple[Shaped[Tensor, "..."], ...]:
    """Compute what a graph returns. Values are let go as soon as nothing reads them any more.

    Args:
        graph: Every operation of it as `operations` has it.
        inputs: One for each of the graph's, in their order.

    Returns:
        The outputs, in their order.

    Raises:
        OptionError: There are more or fewer inputs than the graph takes, or an operation is unknown.

    Example:
        >>> from striate.compile.graph import Given
        >>> relu = Node("y", "activation", ("x",), {"activation": ("relu",)})
        >>> run(Graph({"x": Given((2,))}, (relu,), ("y",), {}), torch.tensor([-1.0, 1.0]))
        (tensor([0., 1.]),)
    """
    left = graph.readers()
    values: dict[str, Any] = _named(graph, inputs)
    for node, value in _values(graph, values):
        values[node.name] = value
        for name in node.reads:
            left[name] -= 1
            if not left[name] and name not in graph.constants:
                values.pop(name, None)
    return tuple(values[name] for name in graph.outputs)


def run_node(node: Node, values: Mapping[str, Any]) -> Any:
    """Compute one operation.

    Args:
        node: Which.
        values: At least those that it reads, by name.

    Raises:
        OptionError: It is unknown.
    """
    operation = OPERATIONS.get(node.op)
    if operation is None:
        raise OptionError(
            f"graph: no operation is called {node.op!r}.", f"Choose one of: {', '.join(OPERATIONS)}.", node=node.name
        )
    return operation(*(None if name is None else values[name] for name in node.inputs), **node.options)


def shapes(graph: Graph, *sizes: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Tell the shape of every value, computing none.

    Args:
        graph: Whose.
        sizes: Of the inputs, in their order; those of the example if none are given.

    Returns:
        By name; inputs and constants too. What is a number and no tensor has none, and is left out.

    Example:
        >>> from striate.compile.graph import Given
        >>> flat = Node("y", "flatten", ("x",), {"start_dim": 1})
        >>> shapes(Graph({"x": Given((2, 3, 4, 4), (0,))}, (flat,), ("y",), {}), (5, 3, 4, 4))
        {'x': (5, 3, 4, 4), 'y': (5, 48)}
    """
    chosen = sizes or tuple(given.size for given in graph.inputs.values())
    with FakeTensorMode(), torch.no_grad():
        values: dict[str, Any] = _named(graph, [torch.empty(tuple(size)) for size in chosen])
        values |= {name: torch.empty(tensor.shape, dtype=tensor.dtype) for name, tensor in graph.constants.items()}
        for node, value in _values(graph, values):
            values[node.name] = value
    return {name: tuple(value.shape) for name, value in values.items() if isinstance(value, Tensor)}


def _values(graph: Graph, values: dict[str, Any]) -> Iterator[tuple[Node, Any]]:
    return ((node, run_node(node, values)) for node in graph.nodes)


def _named(graph: Graph, inputs: Sequence[Tensor]) -> dict[str, Any]:
    if len(inputs) != len(graph.inputs):
        raise OptionError(
            f"graph: it takes {len(graph.inputs)} inputs, and is given {len(inputs)}.",
            "Pass one tensor for each.",
            inputs=", ".join(graph.inputs),
        )
    return {**graph.constants, **dict(zip(graph.inputs, inputs, strict=True))}
