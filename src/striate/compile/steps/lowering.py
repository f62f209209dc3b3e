"""A graph on its way to steps: what is known of it, the values so far, and what every operation's rule goes by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from torch import Tensor

from striate.compile.graph import Graph, Node
from striate.compile.steps.bends import bend
from striate.compile.steps.step import Locate, Size, Step, Value
from striate.compile.weights import Weights
from striate.engine.program import Bent, Source

__all__ = ["Constant", "Known", "Lowering", "Rule", "image_of", "map_step", "turn_step"]

# Numbers that are gone through in a second, about, in their order and turned over.
_THROUGH: Final = 1.5e9
_TURNED: Final = 1e9


class Known(NamedTuple):
    """What a rule may look at to refuse an operation.

    Args:
        node: The operation.
        shapes: Of all values by name, its own among them.
        constants: By name.
    """

    node: Node
    shapes: Mapping[str, tuple[int, ...]]
    constants: Mapping[str, Tensor]

    @property
    def inputs(self) -> list[tuple[int, ...]]:
        """The shapes of its inputs; () where there is none."""
        return [self.shapes.get(name, ()) if name else () for name in self.node.inputs]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what it gives."""
        return self.shapes.get(self.node.name, ())

    def images(self, count: int = 1) -> str:
        """Say what is wrong if its first inputs and what it gives are not images `N C H W`, or rows `N C`."""
        ranks = {len(shape) for shape in (*self.inputs[:count], self.shape)}
        return "" if ranks <= {4} or ranks <= {2} else "it is not of images N C H W, or rows N C"

    def given(self, place: int) -> bool:
        """Tell whether an input is a constant."""
        name = self.node.inputs[place] if place < len(self.node.inputs) else None
        return name in self.constants


class Rule(NamedTuple):
    """How the core does an operation.

    Args:
        refuses: Why it cannot; "" if it can.
        lower: Adds the steps of one.
    """

    refuses: Callable[[Known], str]
    lower: Callable[["Lowering", Node], None]


@dataclass
class Lowering:
    """The steps so far.

    Args:
        graph: Whose.
        shapes: Of every value.
        weights: The constants, and the forms in which algorithms read them.
        threads: That share the work.
        wanted: Algorithms by the names of convolutions, where one was measured to be the best.
        within: Of values that lie within a concatenation's: its name, and their first channel.
    """

    graph: Graph
    shapes: Mapping[str, tuple[int, ...]]
    weights: Weights
    threads: int
    wanted: Mapping[str, str] = field(default_factory=dict)
    within: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    _rooms: dict[Value, Value] = field(default_factory=dict)
    _copies: dict[tuple[Value, str], Value] = field(default_factory=dict)

    def make(self, name: str, image: Size | None = None) -> Value:
        """Give the value that an operation writes, within a concatenation's if it is to lie there."""
        if name not in self.values:
            shape = self.shapes[name]
            whole, channel = self.within.get(name, (None, 0))
            place = None if whole is None else self.make(whole)
            self.values[name] = Value(name, shape, image or image_of(shape), place, channel)
        return self.values[name]

    def room(self, name: str) -> Value:
        """Give what an operation writes whose pixels have to lie side by side; it is copied to its place if need be."""
        y = self.make(name)
        if y.dense:
            return y
        room = Value(f"{name} (side by side)", y.shape, y.image)
        self._rooms[room] = y
        return room

    def flat(self, name: str) -> Value:
        """Give a value whose pixels lie side by side, copying it once if they do not.

        What was flattened lies as it did before: of its numbers, those of a pixel come first.
        """
        return self._copied(self.values[name])

    def dense(self, name: str) -> Value:
        """Give a value whose pixels lie side by side, and what was flattened in the order of its shape."""
        value = self.values[name]
        if value.image == image_of(value.shape):
            return self._copied(value)
        if (value, "in order") not in self._copies:
            self._copies[value, "in order"] = turned(self, self._copied(value))
        return self._copies[value, "in order"]

    def ordered(self, name: str) -> Value:
        """Give a value that lies in the order of its shape; its pixels may lie apart."""
        value = self.values[name]
        return value if value.image == image_of(value.shape) else self.dense(name)

    def _copied(self, value: Value) -> Value:
        if value.dense:
            return value
        if (value, "side by side") not in self._copies:
            copy = Value(f"{value.name} (side by side)", value.shape, value.image)
            self.steps.append(map_step(value.name, "copy", copy, value))
            self._copies[value, "side by side"] = copy
        return self._copies[value, "side by side"]

    def add(self, step: Step) -> None:
        """Add one, and the copy of what it writes."""
        self.steps.append(step)
        if step.writes in self._rooms:
            self.steps.append(map_step(step.name, "copy", self._rooms.pop(step.writes), step.writes))


def image_of(shape: Sequence[int]) -> Size:
    """Say as what image a value lies; rows are images of one pixel.

    Example:
        >>> image_of((8, 10)), image_of((8, 3, 5, 7))
        ((8, 10, 1, 1), (8, 3, 5, 7))
    """
    n, c, h, w = (*shape, *(1,) * (4 - len(shape)))
    return n, c, h, w


def turned(to: Lowering, value: Value) -> Value:
    """Write what was flattened in the order of its shape: of each image, the pixels of a channel side by side."""
    n, c, _, _ = value.image
    y = Value(f"{value.name} (in order)", value.shape, image_of(value.shape))
    to.add(turn_step(value.name, value, y, (n, value.pixels, c)))
    return y


def turn_step(name: str, x: Value, y: Value, sizes: tuple[int, int, int]) -> Step:
    """Give a step that turns matrices over: so many, of so many rows and columns."""

    def emit(program: Any, locate: Locate) -> None:
        program.transpose(sizes, locate(x), locate(y))

    return Step(name, "transpose", (x,), y, emit, 1e-6 + x.floats / _TURNED)


def _source(value: "Value | Constant", locate: Locate, step: tuple[int, int]) -> Source:
    """Write what takes part in a map as the core has it."""
    if isinstance(value, Constant):
        return (0, 0), value.numbers.data_ptr(), *step
    return locate(value), 0, *step


@dataclass(frozen=True)
class Constant:
    """Numbers of a map that are the same for every input.

    Args:
        numbers: Laid out for it; they outlive the program.
        steps: Floats to the next image, and to the next pixel.
    """

    numbers: Tensor
    steps: tuple[int, int]


def map_step(
    name: str,
    op: str,
    to: Value,
    x: "Value | Constant",
    factor: "Value | Constant | None" = None,
    term: "Value | Constant | None" = None,
    activation: Sequence[Any] | None = None,
) -> Step:
    """Give a step that is done number by number: x * factor + term, and then bent.

    Args:
        name: Of the operation in the graph.
        op: What to call it.
        to: What is written; all others are of its size, or repeated.
        x: What is gone through.
        factor: Or None for 1.
        term: Or None for 0.
        activation: As a graph has it.
    """
    n, c, pixels = to.image[0], to.image[1], to.pixels
    then: Bent | None = bend(activation)
    parts = (x, factor, term)
    steps = [part if part is None else _steps(part, to) for part in parts]

    def emit(program: Any, locate: Locate) -> None:
        given = [
            None if part is None or step is None else _source(part, locate, step)
            for part, step in zip(parts, steps, strict=True)
        ]
        program.map((n, pixels, c), *given, locate(to), to.steps, then)

    reads = tuple(part for part in parts if isinstance(part, Value))
    over = tuple(part for part in reads if part.image == to.image and part.dense)
    return Step(name, op, reads, to, emit, 1e-6 + to.floats * len(reads) / _THROUGH, over=over)


def _steps(part: "Value | Constant", to: Value) -> tuple[int, int]:
    """Say how far apart numbers lie that may be repeated for every image or every pixel."""
    if isinstance(part, Constant):
        return part.steps
    image, pixel = part.steps
    return (image if part.image[0] > 1 else 0), (pixel if part.pixels > 1 or to.pixels == 1 else 0)
