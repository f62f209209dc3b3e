"""From a graph and the sizes of its inputs to the steps of a program.

To add an operation: a rule in a file of `steps`, and a line in `RULES`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from striate.compile.graph import Graph
from striate.compile.interpret import shapes
from striate.compile.steps.convolutions import CONV, LINEAR
from striate.compile.steps.elementwise import ACTIVATION, ADD, MUL, SCALE, SOFTMAX
from striate.compile.steps.lowering import Known, Lowering, Rule, image_of, map_step, turn_step
from striate.compile.steps.places import CHANNELS, CONCAT, FLATTEN, PAD, SHUFFLE, UPSAMPLE, within
from striate.compile.steps.pools import ADAPTIVE_AVG_POOL, AVG_POOL, MAX_POOL, RESPONSE_NORM
from striate.compile.steps.step import Step, Value
from striate.compile.weights import Weights

__all__ = ["RULES", "Lowered", "lower", "refused"]

RULES: Final[dict[str, Rule]] = {
    "conv": CONV,
    "linear": LINEAR,
    "add": ADD,
    "mul": MUL,
    "activation": ACTIVATION,
    "scale": SCALE,
    "softmax": SOFTMAX,
    "max_pool": MAX_POOL,
    "avg_pool": AVG_POOL,
    "adaptive_avg_pool": ADAPTIVE_AVG_POOL,
    "response_norm": RESPONSE_NORM,
    "concat": CONCAT,
    "flatten": FLATTEN,
    "channels": CHANNELS,
    "shuffle": SHUFFLE,
    "upsample": UPSAMPLE,
    "pad": PAD,
}
"""The operations that the core does."""


@dataclass(frozen=True)
class Lowered:
    """A graph as steps.

    Args:
        steps: In order.
        outputs: Of each output: its size in PyTorch, and whether it is written with channels last.
    """

    steps: tuple[Step, ...]
    outputs: tuple[tuple[tuple[int, ...], bool], ...]


def refused(graph: Graph, *sizes: Sequence[int]) -> dict[str, str]:
    """Say which operations of a graph the core cannot do, and why.

    Args:
        graph: Any.
        sizes: Of its inputs; those of the example if none are given.

    Returns:
        Reasons by name.

    Example:
        >>> from striate.compile.graph import Given, Node
        >>> node = Node("y", "softmax", ("x",), {"dim": 3})
        >>> refused(Graph({"x": Given((1, 3, 8, 8))}, (node,), ("y",), {}))
        {'y': 'it is not along the channels'}
    """
    known = shapes(graph, *sizes)
    reasons = {}
    for node in graph.nodes:
        rule = RULES.get(node.op)
        found = Known(node, known, graph.constants)
        reasons[node.name] = rule.refuses(found) if rule else f"{node.options.get('target', node.op)} is PyTorch's"
    return {name: reason for name, reason in reasons.items() if reason}


def lower(
    graph: Graph,
    sizes: Sequence[Sequence[int]],
    weights: Weights,
    *,
    last: Sequence[bool],
    threads: int,
    wanted: Mapping[str, str] | None = None,
) -> Lowered:
    """Write a graph as steps of the core, all of it.

    Args:
        graph: Of operations that `refused` has nothing against.
        sizes: Of the inputs.
        weights: The graph's constants.
        last: Of each input, whether it lies with the channels of a pixel side by side. If the first one does, images
            are returned so.
        threads: That share the work.
        wanted: Algorithms for convolutions, by name.
    """
    known = shapes(graph, *sizes)
    to = Lowering(graph, known, weights, threads, wanted or {}, within(graph, known))
    for door, (name, side_by_side) in enumerate(zip(graph.inputs, last, strict=True), 1):
        _enter(to, name, door, side_by_side)
    direct = _direct(graph, known, any(last))
    doors = len(graph.inputs) + 1
    for name, output in direct.items():
        to.values[name] = Value(name, known[name], image_of(known[name]), door=doors + output)
    for node in graph.nodes:
        RULES[node.op].lower(to, node)
    for output, name in enumerate(graph.outputs):
        if direct.get(name) != output:
            _leave(to, name, doors + output, any(last))
    return Lowered(tuple(to.steps), tuple((known[name], _lies_last(known[name], any(last))) for name in graph.outputs))


def _lies_last(shape: Sequence[int], last: bool) -> bool:
    return last and len(shape) == 4


def _enter(to: Lowering, name: str, door: int, side_by_side: bool) -> None:
    """Read an input where it is, or turn its planes over first."""
    shape = to.shapes[name]
    given = Value(name, shape, image_of(shape), door=door)
    if side_by_side or given.straight:
        to.values[name] = given
        return
    n, c, _, _ = given.image
    to.values[name] = Value(name, shape, given.image)
    to.add(turn_step(name, given, to.values[name], (n, c, given.pixels)))


def _direct(graph: Graph, known: Mapping[str, tuple[int, ...]], last: bool) -> dict[str, int]:
    """Find outputs that can be written where they are returned: each by an operation that writes memory of its own."""
    by_name, found = graph.by_name(), {}
    for output, name in enumerate(graph.outputs):
        value, node = Value(name, known[name], image_of(known[name])), by_name.get(name)
        own = node is not None and node.op not in ("flatten", "channels", "concat", "adaptive_avg_pool")
        in_order = _lies_last(known[name], last) or value.straight
        # What was flattened before and is bent lies in another order.
        plain = node is not None and (len(known[name]) == 4 or node.op in ("linear", "softmax", "scale"))
        if own and in_order and plain and name not in found:
            found[name] = output
    return found


def _leave(to: Lowering, name: str, door: int, last: bool) -> None:
    """Write a value where it is returned."""
    value = to.dense(name)
    y = Value(f"{name} (returned)", value.shape, value.image, door=door)
    if _lies_last(value.shape, last) or value.straight:
        to.add(map_step(name, "copy", y, value))
    else:
        n, c, _, _ = value.image
        to.add(turn_step(name, value, y, (n, value.pixels, c)))
