"""Convolutions, and linear layers, which are convolutions of one position."""

from collections.abc import Sequence
from typing import Any, Final

from striate.compile.graph import Node
from striate.compile.steps.bends import bend, unbent
from striate.compile.steps.lowering import Known, Lowering, Rule, map_step
from striate.compile.steps.step import Locate, Step, Value
from striate.engine.problem import Problem
from striate.engine.program import choose

__all__ = ["CONV", "LINEAR"]

_RELU: Final = ("relu",)


def _conv_refuses(known: Known) -> str:
    shapes, node = known.inputs, known.node
    reasons = {
        "it is not of images N C H W": len(shapes[0]) != 4,
        "its weight is no constant": not known.given(1),
        "its bias is no constant": node.inputs[2] is not None and not known.given(2),
        "what is added is no image of the output's size": bool(shapes[3]) and shapes[3] != known.shape,
        "what is added is a constant": known.given(3),
        unbent(node.options.get("activation")): True,
    }
    return next((reason for reason, holds in reasons.items() if holds and reason), "")


def _conv(to: Lowering, node: Node) -> None:
    x, weight, bias, residual = (*node.inputs, None, None)[:4]
    options = node.options
    (top, bottom), (left, right) = options["padding"]
    value, y = to.dense(_name(x)), to.make(node.name)
    added = None if residual is None else to.values[residual]
    later = added is not None and added.steps != y.steps  # it lies otherwise than what is written
    activation = options.get("activation")
    problem = Problem.of(
        value.image,
        tuple(to.weights.constants[_name(weight)].shape),
        stride=tuple(options["stride"]),
        padding=(top, bottom, left, right),
        dilation=tuple(options["dilation"]),
        groups=options["groups"],
        bias=bias is not None,
        residual=added is not None and not later,
        relu=activation is not None and tuple(activation) == _RELU and not later,
    )
    parts = (_name(weight), bias)
    to.add(_step(to, node, problem, (value, y, None if later else added), parts, None if later else activation))
    if later and added is not None:
        to.add(map_step(node.name, "add", y, y, term=added, activation=activation))


def _linear_refuses(known: Known) -> str:
    reasons = {
        "it is not of rows N C": len(known.inputs[0]) != 2,
        "its weight is no constant": not known.given(1),
        "its bias is no constant": len(known.node.inputs) > 2
        and known.node.inputs[2] is not None
        and not known.given(2),
        unbent(known.node.options.get("activation")): True,
    }
    return next((reason for reason, holds in reasons.items() if holds and reason), "")


def _linear(to: Lowering, node: Node) -> None:
    """Multiply what was flattened as it lies: kernels as large as the image, in one position."""
    x, weight, bias = (*node.inputs, None)[:3]
    value, y, activation = to.flat(_name(x)), to.make(node.name), node.options.get("activation")
    kernels = to.weights.constants[_name(weight)]
    problem = Problem.of(
        value.image,
        (kernels.shape[0], *value.image[1:]),
        bias=bias is not None,
        relu=activation is not None and tuple(activation) == _RELU,
    )
    to.add(_step(to, node, problem, (value, y, None), (_name(weight), bias), activation))


def _step(
    to: Lowering,
    node: Node,
    problem: Problem,
    values: tuple[Value, Value, Value | None],
    parts: tuple[str, str | None],
    activation: Sequence[Any] | None,
) -> Step:
    x, y, added = values
    weight, bias = parts
    chosen = choose(problem, to.threads, to.wanted.get(node.name, ""))
    numbers = to.weights.prepared(weight, chosen.place, problem, to.threads)
    bias_numbers = None if bias is None else to.weights.plain(bias)
    then = None if problem.relu else bend(activation)
    image, pixel = y.steps
    apart = None if y.dense else (pixel, y.image[3] * pixel, image)

    def emit(program: Any, locate: Locate) -> None:
        program.convolve(
            chosen.place,
            problem.handle,
            locate(x),
            numbers.data_ptr(),
            0 if bias_numbers is None else bias_numbers.data_ptr(),
            None if added is None else locate(added),
            locate(y),
            apart,
            then,
        )

    reads = (x,) if added is None else (x, added)
    over = () if added is None or added.root is x.root else (added,)
    return Step(node.name, node.op, reads, y, emit, chosen.seconds, chosen.algorithm, chosen.others, over)


def _name(name: str | None) -> str:
    if name is None:
        raise KeyError("an input that every operation of this kind has")
    return name


CONV: Final = Rule(_conv_refuses, _conv)
LINEAR: Final = Rule(_linear_refuses, _linear)
