"""`torch.compile(model, backend="striate")`: PyTorch finds this file by the package's entry points."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from torch import Tensor, fx, nn

from striate.compile import compiled
from striate.compile.part import Part
from striate.compile.program import Program
from striate.compile.tracing import hookless
from striate.errors import CaptureError, DtypeError, OptionError

__all__ = ["backend"]

# A network that the core has no part in is no slower for it: PyTorch runs it.
_NOT_OURS: Final = (CaptureError, DtypeError, OptionError)


def backend(graph: fx.GraphModule, example: Sequence[Any]) -> Callable[..., Any]:
    """Make what PyTorch has captured a program, when it is first called.

    Where gradients are wanted, and for what cannot be compiled, PyTorch runs it: compile in evaluation mode, and call
    under `torch.no_grad()` or `torch.inference_mode()`.

    Args:
        graph: What PyTorch has captured; weights are among its inputs.
        example: One value for each input.

    Returns:
        What is called instead.

    Example:
        ``fast = torch.compile(model.eval(), backend="striate")``
    """
    wanted = any(isinstance(value, Tensor) and value.requires_grad for value in example)
    if torch.is_grad_enabled() and wanted:
        return graph.forward
    inputs = [node for node in graph.graph.nodes if node.op == "placeholder"]
    weights = [place for place, node in enumerate(inputs) if _is_weight(node, example[place])]
    # Sizes that PyTorch has as unknowns are among the inputs, whether anything is computed with them or not.
    numbers = [i for i, node in enumerate(inputs) if node.users and not isinstance(example[i], Tensor)]
    return _Compiled(graph, weights, numbers)


def _is_weight(node: fx.Node, value: Any) -> bool:
    """Whether an input is a parameter or a buffer of a module: the same tensor at every call."""
    return isinstance(value, nn.Parameter) or "_dynamo_static_input_type" in node.meta.get("tensor_dict", {})


class _Compiled:
    """Programs by the sizes that they are for, made anew when a weight has changed."""

    def __init__(self, graph: fx.GraphModule, weights: Sequence[int], numbers: Sequence[int]) -> None:
        self._graph, self._weights, self._numbers = graph, frozenset(weights), tuple(numbers)
        self._state: tuple[Any, ...] = ()
        self._programs: dict[tuple[Any, ...], list[Program]] = {}
        self._left: set[tuple[Any, ...]] = set()

    def __call__(self, *values: Any) -> Any:
        state = tuple(_version(values[place]) for place in sorted(self._weights))
        if state != self._state:
            self._state, self._programs, self._left = state, {}, set()
        places = [i for i, value in enumerate(values) if isinstance(value, Tensor) and i not in self._weights]
        given = [values[place] for place in places]
        program = self._program(values, places, given)
        return self._graph(*values) if program is None else program(*given)

    def _program(self, values: Sequence[Any], places: Sequence[int], given: Sequence[Tensor]) -> Program | None:
        numbers = tuple(values[place] for place in self._numbers)
        size = (numbers, *(value.shape for value in given))
        if size in self._left:
            return None
        known = self._programs.setdefault(numbers, [])
        found = next((program for program in known if program.takes(given)), None)
        if found is None:
            found = self._made(values, places)
            if found is None:
                self._left.add(size)
            else:
                known.append(found)
        return found

    def _made(self, values: Sequence[Any], places: Sequence[int]) -> Program | None:
        try:
            bound = _Bound(self._graph, values, places)
            program = compiled.compile(bound, [values[place] for place in places])
        except _NOT_OURS:
            return None
        return program if any(isinstance(part, Part) for _, part in program.pieces) else None


class _Bound(nn.Module):
    """A captured graph as a function of its data alone."""

    def __init__(self, graph: fx.GraphModule, values: Sequence[Any], places: Sequence[int]) -> None:
        super().__init__()
        self.graph = hookless(graph)
        self.places, self.numbers = tuple(places), {}
        for i, value in enumerate(values):
            if i in self.places:
                continue
            if isinstance(value, Tensor):
                self.register_buffer(f"weight{i}", value.detach())
            else:
                self.numbers[i] = value
        self.count = len(values)

    def forward(self, *given: Tensor) -> Any:
        data = dict(zip(self.places, given, strict=True)) | self.numbers
        return self.graph(*(data[i] if i in data else getattr(self, f"weight{i}") for i in range(self.count)))


def _version(tensor: Tensor) -> tuple[int, int]:
    """Changes when a tensor is another one, or other numbers have been written into it."""
    return tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version
