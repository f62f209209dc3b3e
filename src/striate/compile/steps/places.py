"""What only says where numbers lie: concatenation, parts of the channels, shuffling, flattening, enlarging."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import torch

from striate.compile.graph import Graph, Node
from striate.compile.steps.lowering import Constant, Known, Lowering, Rule, map_step, turn_step
from striate.compile.steps.step import Locate, Step, Value

__all__ = ["CHANNELS", "CONCAT", "FLATTEN", "PAD", "SHUFFLE", "UPSAMPLE", "within"]

# Operations that write pixels wherever these lie, and those that read them so.
# Poolings are copied there, which is no more work than a copy later.
_WRITE_APART: Final = {"conv", "linear", "add", "mul", "scale", "activation", "concat", "max_pool", "avg_pool"}
_READ_APART: Final = {"add", "mul", "scale", "activation", "concat", "channels"}


def within(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[str, int]]:
    """Find values that can be written where a concatenation wants them, and no copy is needed.

    Args:
        graph: Any.
        shapes: Of its values.

    Returns:
        By the value's name: the concatenation's, and the first channel. Where there are several, the last one, which as
        a rule is the largest: the others may then be parts of it.
    """
    found: dict[str, tuple[str, int]] = {}
    by_name = graph.by_name()
    readers: dict[str, set[str]] = {}
    for node in graph.nodes:
        for name in node.reads:
            readers.setdefault(name, set()).add(node.op)
    for node in reversed(graph.nodes):
        if node.op != "concat" or node.options["dim"] != 1:
            continue
        channel, times = 0, Counter(node.reads)
        for name in node.reads:
            writer = by_name.get(name)
            fits = writer is not None and writer.op in _WRITE_APART and readers[name] <= _READ_APART
            if fits and times[name] == 1 and name not in found and name not in graph.outputs:
                found[name] = (node.name, channel)
            channel += shapes[name][1]
    return found


def _concat_refused(known: Known) -> str:
    constants = any(known.given(place) for place in range(len(known.node.inputs)))
    reasons = {
        "it is not along the channels": known.node.options["dim"] not in (1, 1 - len(known.shape)),
        "a part of it is a constant": constants,
        "a value is absent": None in known.node.inputs,
    }
    return known.images(len(known.inputs)) or next((reason for reason, holds in reasons.items() if holds), "")


def _concat(to: Lowering, node: Node) -> None:
    parts = [to.ordered(name or "") for name in node.inputs]
    first = parts[0]
    if node.name not in to.values and first.whole is not None:
        begin, after = first.offset, first.offset
        for part in parts:
            if part.root is not first.root or part.offset != after:
                break
            after += part.image[1]
        else:  # they lie side by side already, in a larger one
            n, _, h, w = first.image
            size = (n, after - begin, h, w)
            to.values[node.name] = Value(node.name, to.shapes[node.name], size, first.root, begin)
            return
    y, channel = to.make(node.name), 0
    for part in parts:
        if part.whole is not y or part.channel != channel:
            place = Value(f"{node.name} ({part.name})", part.shape, part.image, y, channel)
            to.add(map_step(node.name, "copy", place, part))
        channel += part.image[1]


def _flatten_refused(known: Known) -> str:
    fits = known.node.options["start_dim"] == 1 and len(known.inputs[0]) in (2, 4)
    return "" if fits else "it does not make rows of images"


def _flatten(to: Lowering, node: Node) -> None:
    x = to.values[node.inputs[0] or ""]
    to.values[node.name] = Value(node.name, to.shapes[node.name], x.image, x, 0)


def _channels(to: Lowering, node: Node) -> None:
    x = to.ordered(node.inputs[0] or "")
    n, _, h, w = x.image
    count = to.shapes[node.name][1]
    to.values[node.name] = Value(node.name, to.shapes[node.name], (n, count, h, w), x, node.options["start"])


def _images_refused(known: Known) -> str:
    return known.images()


def _shuffle(to: Lowering, node: Node) -> None:
    x, y = to.dense(node.inputs[0] or ""), to.make(node.name)
    n, c, groups = x.image[0], x.image[1], node.options["groups"]
    to.add(turn_step(node.name, x, y, (n * x.pixels, groups, c // groups)))


def _upsample(to: Lowering, node: Node) -> None:
    """Copy the image as often as a sample is repeated, each time to other pixels."""
    x, y = to.dense(node.inputs[0] or ""), to.make(node.name)
    down, across = node.options["scale"]
    n, c, h, w = x.image
    row = across * w * c

    def step(i: int, j: int) -> Step:
        def emit(program: Any, locate: Locate) -> None:
            memory, floats = locate(y)
            of_x = (locate(x), 0, w * c, c)
            place = (memory, floats + i * row + j * c)
            program.map((n * h, w, c), of_x, None, None, place, (down * row, across * c), None)

        return Step(node.name, "upsample", (x,), y, emit)

    for i in range(down):
        for j in range(across):
            to.add(step(i, j))


def _pad_refused(known: Known) -> str:
    cuts = any(size < 0 for sides in known.node.options["padding"] for size in sides)
    return known.images() or ("it cuts" if cuts else "")


def _pad(to: Lowering, node: Node) -> None:
    x, y = to.dense(node.inputs[0] or ""), to.make(node.name)
    n, c, h, w = x.image
    (top, _), (left, _) = node.options["padding"]
    zeros = Constant(to.weights.kept(("", "zeros", c), lambda: torch.zeros(c)), (0, 0))
    row, image = y.image[3] * c, y.pixels * c
    to.add(map_step(node.name, "zeros", y, zeros))

    def copy(number: int) -> Step:
        def emit(program: Any, locate: Locate) -> None:
            (memory, floats), (of_x, first) = locate(y), locate(x)
            place = (memory, floats + number * image + top * row + left * c)
            program.map((h, w, c), ((of_x, first + number * h * w * c), 0, w * c, c), None, None, place, (row, c), None)

        return Step(node.name, "copy", (x,), y, emit)

    for number in range(n):
        to.add(copy(number))


CONCAT: Final = Rule(_concat_refused, _concat)
FLATTEN: Final = Rule(_flatten_refused, _flatten)
CHANNELS: Final = Rule(_images_refused, _channels)
SHUFFLE: Final = Rule(_images_refused, _shuffle)
UPSAMPLE: Final = Rule(_images_refused, _upsample)
PAD: Final = Rule(_pad_refused, _pad)
