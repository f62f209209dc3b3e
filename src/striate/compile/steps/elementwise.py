"""What is done number by number: sums, products, a scale and a shift a channel, activations; and softmax."""

from collections.abc import Sequence
from typing import Any, Final

from torch import Tensor

from striate.compile.graph import Node
from striate.compile.steps.bends import unbent
from striate.compile.steps.lowering import Constant, Known, Lowering, Rule, image_of, map_step
from striate.compile.steps.step import Locate, Size, Step, Value

__all__ = ["ACTIVATION", "ADD", "MUL", "SCALE", "SOFTMAX"]

_EXPONENTIALS: Final = 0.5e9  # a second, about


def _repeats(part: Sequence[int], whole: Sequence[int]) -> bool:
    """Tell whether a map can repeat a value to the size of another: for every image, or for every pixel."""
    if len(part) != len(whole):
        return False
    n, c, *pixels = part
    return c == whole[1] and n in (1, whole[0]) and (pixels == list(whole[2:]) or all(size == 1 for size in pixels))


def _constant_repeats(part: Sequence[int], whole: Sequence[int]) -> bool:
    """Tell the same of a constant, which may be written out first, for one image."""
    padded = (*(1,) * (len(whole) - len(part)), *part)
    fits = len(padded) == len(whole) and all(size in (1, full) for size, full in zip(padded, whole, strict=True))
    return fits and padded[0] == 1


def _two_refused(known: Known) -> str:
    if len(known.shape) not in (2, 4):
        return "it is not of images N C H W, or rows N C"
    if known.given(0) and known.given(1):
        return "all of it is constant"
    names = known.node.inputs
    whole = [place for place in (0, 1) if known.inputs[place] == known.shape and not known.given(place)]
    if not whole or None in names[:2]:
        return "neither has the size of what it gives"
    other = 1 - whole[0]
    fits = _constant_repeats if known.given(other) else _repeats
    if not fits(known.inputs[other], known.shape):
        return f"{known.inputs[other]} is repeated along axes that the core does not repeat"
    return unbent(known.node.options.get("activation"))


def _constant(to: Lowering, name: str, rank: int, whole: Size) -> Constant:
    """Write a constant out for one image, or for one pixel where all are alike."""
    numbers = to.weights.constants[name]
    padded = (*(1,) * (rank - numbers.ndim), *numbers.shape)

    def make() -> Tensor:
        last = numbers.detach().float().reshape(image_of(padded)).movedim(1, -1)
        alike = last.shape[1] == last.shape[2] == 1
        return last.expand(1, *((1, 1) if alike else whole[2:]), whole[1]).contiguous()

    made = to.weights.kept((name, "repeated", whole[1:]), make)
    return Constant(made, (0, 0 if made.numel() == whole[1] else whole[1]))


def _operands(to: Lowering, node: Node) -> tuple[Value, "Value | Constant"]:
    """Give the one that has the size of the result, then the other."""
    names = [name or "" for name in node.inputs[:2]]
    shape = to.shapes[node.name]
    first = next(i for i, name in enumerate(names) if to.shapes[name] == shape and name not in to.weights.constants)
    other = names[1 - first]
    if other in to.weights.constants:
        x = to.ordered(names[first])
        return x, _constant(to, other, len(shape), x.image)
    x, term = to.values[names[first]], to.values[other]
    if x.image == term.image:
        return x, term
    return to.ordered(names[first]), to.ordered(other)


def _add(to: Lowering, node: Node) -> None:
    x, term = _operands(to, node)
    y = to.make(node.name, x.image)
    to.add(map_step(node.name, "add", y, x, term=term, activation=node.options.get("activation")))


def _mul(to: Lowering, node: Node) -> None:
    x, factor = _operands(to, node)
    y = to.make(node.name, x.image)
    to.add(map_step(node.name, "mul", y, x, factor=factor, activation=node.options.get("activation")))


def _one_refused(known: Known) -> str:
    return known.images() or unbent(known.node.options.get("activation"))


def _activation(to: Lowering, node: Node) -> None:
    x = to.values[node.inputs[0] or ""]
    to.add(map_step(node.name, "activation", to.make(node.name, x.image), x, activation=node.options["activation"]))


def _scale_refused(known: Known) -> str:
    return _one_refused(known) or ("" if known.given(1) and known.given(2) else "its numbers are no constants")


def _scale(to: Lowering, node: Node) -> None:
    value = to.ordered(node.inputs[0] or "")
    factor, shift = (Constant(to.weights.plain(name or ""), (0, 0)) for name in node.inputs[1:3])
    y = to.make(node.name)
    to.add(map_step(node.name, "scale", y, value, factor, shift, node.options.get("activation")))


def _softmax_refused(known: Known) -> str:
    dim, rank = known.node.options["dim"], len(known.shape)
    return known.images() or ("" if dim in (1, 1 - rank) else "it is not along the channels")


def _softmax(to: Lowering, node: Node) -> None:
    x, y = to.dense(node.inputs[0] or ""), to.make(node.name)
    sizes = x.image[0] * x.pixels, x.image[1]

    def emit(program: Any, locate: Locate) -> None:
        program.softmax(sizes, locate(x), locate(y))

    to.add(Step(node.name, node.op, (x,), y, emit, 1e-6 + y.floats / _EXPONENTIALS, over=(x,)))


ADD: Final = Rule(_two_refused, _add)
MUL: Final = Rule(_two_refused, _mul)
ACTIVATION: Final = Rule(_one_refused, _activation)
SCALE: Final = Rule(_scale_refused, _scale)
SOFTMAX: Final = Rule(_softmax_refused, _softmax)
