"""Local response normalisation, which PyTorch knows only as the operations that it is made of.

    x / (k + a · (sum of x² over the window of channels)) ** beta

The sum is either an average over a padded axis (`torch.nn.functional.local_response_norm`) or shifted additions
(`ops.local_response_norm`).
"""

from collections.abc import Mapping
from typing import Any

from striate.compile.graph import Graph, Node
from striate.compile.torch_operator import filled

__all__ = ["find_response_norms"]


def find_response_norms(graph: Graph) -> Graph:
    """Replace the division that ends such a normalisation by the whole of it."""
    nodes = graph.by_name()
    found: dict[str, Node] = {}
    for node in graph.nodes:
        options = _options(nodes, node)
        if options is not None:
            found[node.name] = Node(node.name, "response_norm", node.inputs[:1], options)
    return graph.replaced(found)


def _options(nodes: Mapping[str, Node], node: Node) -> dict[str, Any] | None:
    x, power = _call(nodes, node.name, "aten.div.Tensor", 2)
    raised, beta = _call(nodes, power, "aten.pow.Tensor_Scalar", 2)
    weighted, k = _call(nodes, raised, "aten.add.Tensor", 2)
    total, share = _call(nodes, weighted, "aten.mul.Tensor", 2)
    if not all(isinstance(number, int | float) for number in (beta, k, share)):
        return None
    window = _averaged(nodes, total) or _added(nodes, total)
    if window is None or (window[1], window[2]) != ((size := window[0]) // 2, (size - 1) // 2) or window[3] != x:
        return None
    return {"size": size, "alpha": float(share) * window[4], "beta": float(beta), "k": float(k)}


def _averaged(nodes: Mapping[str, Node], name: Any) -> tuple[int, int, int, str, int] | None:
    """Size, reach down and up, what is squared, and what the weight is to be multiplied with."""
    pooled, axis = _call(nodes, name, "aten.squeeze.dim", 2)
    padded, kernel, stride = _call(nodes, pooled, "aten.avg_pool3d.default", 3)
    source, pads = _call(nodes, padded, "aten.pad.default", 2)
    squares, place = _call(nodes, source, "aten.unsqueeze.default", 2)
    squared = _squared(nodes, squares)
    if squared is None or axis != 1 or place != 1 or stride != [1, 1, 1] or kernel is None or kernel[1:] != [1, 1]:
        return None
    before: Any = pads or (0, 0)
    return (kernel[0], before[-2], before[-1], squared, 1) if not any(before[:-2]) else None


def _added(nodes: Mapping[str, Node], name: Any) -> tuple[int, int, int, str, int] | None:
    starts: list[int] = []
    padded: set[str] = set()
    waiting = [name]
    while waiting:
        node = nodes.get(waiting.pop())
        if node is None or node.op not in ("add", "channels"):
            return None
        if node.op == "add":
            waiting.extend(node.reads)
        else:
            starts.append(node.options["start"])
            padded.update(node.reads)
    squares, pads = _call(nodes, padded.pop(), "aten.pad.default", 2) if len(padded) == 1 else (None, ())
    before: Any = pads or (0, 0)
    squared = _squared(nodes, squares)
    if squared is None or any(before[:-2]) or sorted(starts) != list(range(sum(before[-2:]) + 1)):
        return None
    return len(starts), before[-2], before[-1], squared, len(starts)


def _squared(nodes: Mapping[str, Node], name: Any) -> str | None:
    node = nodes.get(name)
    return node.reads[0] if node is not None and node.op == "mul" and len({*node.reads}) == 1 else None


def _call(nodes: Mapping[str, Node], name: Any, target: str, count: int) -> list[Any]:
    """What an operator of PyTorch's is called with; as many times None if it is not this one, called with so much."""
    node = nodes.get(name) if isinstance(name, str) else None
    if node is None or node.op != "torch" or node.options["target"] != target:
        return [None] * count
    found = filled(node.options["args"], node.inputs)
    return found if len(found) == count else [None] * count
