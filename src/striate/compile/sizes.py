"""What of a network's numbers follows from the size of its inputs, told from the graphs of two sizes.

PyTorch can trace a size as an unknown, and then takes a minute for DenseNet. Two traces of known sizes take seconds; a
number that differs between them is a size, its multiple or its fraction, or the network is one for a single size.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from striate.compile.graph import Graph, Node

__all__ = ["Differs", "unified"]


class Differs(Exception):  # noqa: N818 - it is an answer, and no fault
    """Two graphs compute different things; the text says where."""


def unified(first: Graph, second: Graph, step: int) -> Graph:
    """Find the one graph that is two, for inputs of two sizes.

    Args:
        first: The graph for one size.
        second: That for another, larger along every axis which is to be free.
        step: Sizes of the free axes but the first differ from the first graph's by multiples of it.

    Returns:
        The first, with what follows from the inputs' sizes computed from these, and with the axes that differ free.

    Raises:
        Differs: They differ in more than that.
    """
    _require(len(first.nodes) == len(second.nodes), "the number of operations")
    _require(list(first.constants) == list(second.constants), "the constants")
    for name, tensor in first.constants.items():
        other = second.constants[name]
        _require(tensor is other or tensor.data_ptr() == other.data_ptr() or torch.equal(tensor, other), name)
    sizes = _Sizes(first, second, step)
    nodes = tuple(sizes.node(one, two) for one, two in zip(first.nodes, second.nodes, strict=True))
    inputs = {
        name: given._replace(
            free=tuple(axis for axis, size in enumerate(given.size) if size != second.inputs[name].size[axis]),
            step=step,
        )
        for name, given in first.inputs.items()
    }
    _require(first.outputs == second.outputs and first.returns == second.returns, "what is returned")
    return replace(first, inputs=inputs, nodes=(*sizes.nodes.values(), *nodes))


class _Sizes:
    """The sizes that differ, and what computes them."""

    def __init__(self, first: Graph, second: Graph, step: int) -> None:
        self.nodes: dict[str, Node] = {}
        self._step = step
        self._axes = [
            (name, axis, size, second.inputs[name].size[axis])
            for name, given in first.inputs.items()
            for axis, size in enumerate(given.size)
            if size != second.inputs[name].size[axis]
        ]

    def node(self, one: Node, two: Node) -> Node:
        same = (one.name, one.op, one.inputs, set(one.options)) == (two.name, two.op, two.inputs, set(two.options))
        _require(same, f"{one.op} {one.name} and {two.op} {two.name}")
        if one.options == two.options:
            return one
        _require(one.op == "torch", f"the options of {one.op} {one.name}: {_told(one, two)}")
        inputs = list(one.inputs)
        options = {key: self._value(one.name, value, two.options[key], inputs) for key, value in one.options.items()}
        return replace(one, inputs=tuple(inputs), options=options)

    def _value(self, name: str, one: Any, two: Any, inputs: list[str | None]) -> Any:
        if isinstance(one, tuple) and isinstance(two, tuple) and len(one) == len(two):
            return tuple(self._value(name, a, b, inputs) for a, b in zip(one, two, strict=True))
        if isinstance(one, Mapping) and isinstance(two, Mapping) and set(one) == set(two):
            return {key: self._value(name, value, two[key], inputs) for key, value in one.items()}
        if one == two and type(one) is type(two):
            return one
        size = self._size(one, two) if isinstance(one, int) and isinstance(two, int) else None
        if size is None:
            raise Differs(f"a number of {name}: {one} and {two}")
        if size not in inputs:
            inputs.append(size)
        return {"input": inputs.index(size)}

    def _size(self, one: int, two: int) -> str | None:
        for name, axis, before, after in self._axes:
            size = f"{name}.size.{axis}"
            times, left = divmod(one, before)
            if not left and times and two == times * after:
                self._add(size, "aten.sym_size.int", name, axis)
                return size if times == 1 else self._add(f"{size}.times.{times}", "size.mul", size, times)
            by, left = divmod(before, one or before + 1)
            # The first axis has no step: any number of examples can be asked for.
            if not left and by > 1 and after == by * two and axis and self._step % by == 0:
                self._add(size, "aten.sym_size.int", name, axis)
                return self._add(f"{size}.by.{by}", "size.floordiv", size, by)
        return None

    def _add(self, name: str, target: str, source: str, number: int) -> str:
        options = {"target": target, "args": ({"input": 0}, number), "kwargs": {}}
        self.nodes.setdefault(name, Node(name, "torch", (source,), options))
        return name


def _told(one: Node, two: Node) -> str:
    return ", ".join(
        f"{key} {value} and {two.options[key]}" for key, value in one.options.items() if value != two.options[key]
    )


def _require(same: bool, what: str) -> None:
    if not same:
        raise Differs(what)
