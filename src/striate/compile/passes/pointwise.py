"""Linear layers over the channels of every pixel are convolutions of one pixel, as in ConvNeXt.

Source:
    Liu et al., "A ConvNet for the 2020s", CVPR 2022, section 2.6 and figure 4: the block's 1x1 convolutions, which its
    authors write as linear layers between two permutations.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from torch import Tensor

from striate.compile.graph import Graph, Node
from striate.compile.torch_operator import filled

__all__ = ["find_pointwise"]

_LAST: Final = (0, 2, 3, 1)  # channels from the second axis to the last
_SECOND: Final = (0, 3, 1, 2)  # and back
_PIXEL: Final = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}


def find_pointwise(graph: Graph) -> Graph:
    """Replace linear layers on images with their channels last by convolutions, and drop what permutes to and fro."""
    found = _Pixels(graph)
    nodes = tuple(new for node in graph.nodes for new in found.written(node))
    return replace(graph, nodes=nodes, constants={**graph.constants, **found.constants}).without(found.same)


class _Pixels:
    """What is known of values as the graph is read.

    Args:
        graph: Which.
    """

    def __init__(self, graph: Graph) -> None:
        self.constants: dict[str, Tensor] = {}
        self.same: dict[str, str] = {}  # values that are another one
        self._weights = graph.constants
        self._last: set[str] = set()  # images with their channels last
        self._second: dict[str, str] = {}  # of some of these, the same with channels second

    def written(self, node: Node) -> Iterator[Node]:
        """Give what takes a node's place."""
        source = node.reads[0] if node.reads else ""
        if _permutes(node, _LAST):
            self._last.add(node.name)
            self._second[node.name] = source
        elif _permutes(node, _SECOND) and source in self._second:
            self.same[node.name] = self._second[source]
        elif source in self._last and _is_norm(node):
            self._last.add(node.name)
        elif source in self._second and node.op == "activation":
            yield from self._turned(node, replace(node, inputs=(self._second[source],)))
            return
        elif source in self._last and node.op == "linear" and node.inputs[1] in self._weights:
            if source not in self._second:
                yield _permuted(f"{node.name}.second", source, _SECOND)
            second = self._second.get(source, f"{node.name}.second")
            yield from self._turned(node, self._convolution(node, second))
            return
        yield node

    def _turned(self, node: Node, second: Node) -> Iterator[Node]:
        """What is computed with channels second, and then, under the node's name, has them last."""
        made = replace(second, name=f"{node.name}.pixels")
        self._last.add(node.name)
        self._second[node.name] = made.name
        yield made
        yield _permuted(node.name, made.name, _LAST)

    def _convolution(self, node: Node, source: str) -> Node:
        _, weight, bias = node.inputs
        kernel = f"{node.name}.kernel"
        self.constants[kernel] = self._weights[weight or ""][:, :, None, None]
        return Node(node.name, "conv", (source, kernel, bias, None), {**_PIXEL, **node.options})


def _permuted(name: str, source: str, axes: tuple[int, ...]) -> Node:
    return Node(
        name, "torch", (source,), {"target": "aten.permute.default", "args": ({"input": 0}, axes), "kwargs": {}}
    )


def _permutes(node: Node, axes: tuple[int, ...]) -> bool:
    if node.op != "torch" or node.options["target"] != "aten.permute.default":
        return False
    order: Any = filled(node.options["args"], node.inputs)[1]
    return tuple(axis % 4 for axis in order) == axes


def _is_norm(node: Node) -> bool:
    return node.op == "torch" and node.options["target"] == "aten.layer_norm.default"
