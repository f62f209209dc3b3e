"""Poolings, and normalisation across maps."""

from typing import Any, Final

from striate.compile.graph import Node
from striate.compile.steps.lowering import Known, Lowering, Rule
from striate.compile.steps.step import Emit, Locate, Step, Value
from striate.engine.images import Pair, Steps
from striate.engine.program import pooling

__all__ = ["ADAPTIVE_AVG_POOL", "AVG_POOL", "MAX_POOL", "RESPONSE_NORM"]

_ONES: Final = (1, 1)
_READ: Final = 1.2e9  # numbers under windows that are looked at in a second, about
_NORMED: Final = 0.6e9  # numbers that are normalised


def _images_refused(known: Known) -> str:
    ranks = {len(known.inputs[0]), len(known.shape)}
    return "" if ranks == {4} else "it is not of images N C H W"


def _add(to: Lowering, node: Node, emit: Emit, values: tuple[Value, Value], seconds: float) -> None:
    x, y = values
    to.add(Step(node.name, node.op, (x,), y, emit, seconds))


def _values(to: Lowering, node: Node) -> tuple[Value, Value]:
    """Give what is read and what is written: both with pixels side by side."""
    return to.dense(node.inputs[0] or ""), to.room(node.name)


def _window(y: Value, taps: Pair) -> float:
    return 1e-6 + y.floats * taps[0] * taps[1] / _READ


def _pair(numbers: Any) -> Pair:
    down, across = numbers
    return int(down), int(across)


def _max_pool(to: Lowering, node: Node) -> None:
    (x, y), options = _values(to, node), node.options
    taps = _pair(options["kernel_size"])
    steps: Steps = (taps, _pair(options["stride"]), _pair(options["padding"]), _pair(options["dilation"]))
    pool = pooling(x.image, (y.image[2], y.image[3]), steps)

    def emit(program: Any, locate: Locate) -> None:
        program.max_pool(pool, locate(x), locate(y))

    _add(to, node, emit, (x, y), _window(y, taps))


def _avg_pool(to: Lowering, node: Node) -> None:
    options = node.options
    padding = _pair(options["padding"])
    divisor = (options.get("divisor_override") or 0, *padding)
    steps: Steps = (_pair(options["kernel_size"]), _pair(options["stride"]), padding, _ONES)
    _mean(to, node, steps, (divisor, options.get("count_include_pad", True)))


def _adaptive_refused(known: Known) -> str:
    wanted, found = known.shape[2:], known.inputs[0][2:]
    uneven = any(size % positions for size, positions in zip(found, wanted, strict=True))
    return _images_refused(known) or ("its windows are not all of one size" if uneven else "")


def _adaptive_avg_pool(to: Lowering, node: Node) -> None:
    wanted, found = to.shapes[node.name][2:], to.shapes[node.inputs[0] or ""][2:]
    if wanted == found:  # every window is one sample
        to.values[node.name] = to.values[node.inputs[0] or ""]
        return
    taps = found[0] // wanted[0], found[1] // wanted[1]
    _mean(to, node, (taps, taps, (0, 0), _ONES), ((0, 0, 0), False))


def _mean(to: Lowering, node: Node, steps: Steps, divisor: tuple[tuple[int, int, int], bool]) -> None:
    x, y = _values(to, node)
    pool = pooling(x.image, (y.image[2], y.image[3]), steps)

    def emit(program: Any, locate: Locate) -> None:
        program.avg_pool(pool, *divisor, locate(x), locate(y))

    _add(to, node, emit, (x, y), _window(y, steps[0]))


def _response_norm(to: Lowering, node: Node) -> None:
    (x, y), options = _values(to, node), node.options
    n, c, _, _ = x.image
    size = options["size"]
    around = min(size // 2, c), min((size - 1) // 2, c)  # there are no more
    numbers = options["alpha"] / size, options["beta"], options["k"]

    def emit(program: Any, locate: Locate) -> None:
        program.response_norm((n, c, x.pixels), around, numbers, locate(x), locate(y))

    _add(to, node, emit, (x, y), 1e-6 + y.floats / _NORMED)


MAX_POOL: Final = Rule(_images_refused, _max_pool)
AVG_POOL: Final = Rule(_images_refused, _avg_pool)
ADAPTIVE_AVG_POOL: Final = Rule(_adaptive_refused, _adaptive_avg_pool)
RESPONSE_NORM: Final = Rule(_images_refused, _response_norm)
