"""Whether a model does the same for two sizes, told by its calls to PyTorch, sooner than by following it again."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from striate.compile.graph import Graph, Node

__all__ = ["alike"]

# Operations with no number that may be a size. What others are told may have been computed from one within PyTorch.
_SIZELESS: Final = {
    "conv",
    "linear",
    "add",
    "mul",
    "activation",
    "scale",
    "max_pool",
    "avg_pool",
    "response_norm",
    "concat",
    "flatten",
    "softmax",
}

# They give what they take in size, and without numbers PyTorch takes a millisecond to say so.
_AS_LARGE: Final = {F.batch_norm, F.relu}


def alike(model: nn.Module, graph: Graph, sizes: Sequence[tuple[int, ...]], larger: Sequence[tuple[int, ...]]) -> bool:
    """Tell whether a model makes the same calls for inputs of two sizes, so that one graph serves both.

    No number is computed: tensors have sizes and nothing in them.

    Args:
        model: In evaluation mode, as `tracing.hookless` gives it.
        graph: What it computes for inputs of the first sizes.
        sizes: Of its inputs.
        larger: Others.

    Returns:
        False also where it cannot be told: where an operation's options may follow from a size, and where the model's
        code does not run without numbers.

    Example:
        >>> from striate.compile.capture import capture
        >>> class Cut(nn.Module):
        ...     def forward(self, x):
        ...         return x.relu() if x.shape[2] < 9 else x.relu().tanh()
        >>> graph = capture(Cut(), torch.zeros(2, 3, 8, 8))
        >>> alike(Cut(), graph, [(2, 3, 8, 8)], [(2, 3, 7, 7)]), alike(Cut(), graph, [(2, 3, 8, 8)], [(2, 3, 9, 9)])
        (True, False)
    """
    if not all(map(_is_sizeless, graph.nodes)):
        return False
    try:
        return _calls(model, sizes) == _calls(model, larger)
    except Exception:  # whatever a model's code raises where there are no numbers
        return False


def _is_sizeless(node: Node) -> bool:
    return node.op in _SIZELESS or (node.op == "adaptive_avg_pool" and node.options["output_size"] == (1, 1))


def _calls(model: nn.Module, sizes: Sequence[tuple[int, ...]]) -> list[tuple[Any, ...]]:
    tensors = [value for module in model.modules() for value in vars(module).values() if isinstance(value, Tensor)]
    memo: dict[int, Any] = {id(tensor): tensor.detach().to("meta") for tensor in tensors}
    memo |= {
        id(parameter): nn.Parameter(parameter.detach().to("meta"), requires_grad=False)
        for parameter in model.parameters()
    }
    memo |= {id(buffer): buffer.to("meta") for buffer in model.buffers()}
    empty = copy.deepcopy(model, memo)  # it may keep what it sees
    inputs = [torch.empty(size, device="meta") for size in sizes]
    with torch.no_grad(), _Recorder(inputs) as recorder:
        empty(*inputs)
    return recorder.calls


class _Recorder(TorchFunctionMode):
    """Writes down what is called, on which tensors, numbered as they come up, and with which numbers.

    Args:
        inputs: The first of the tensors.
    """

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        super().__init__()
        self.calls: list[tuple[Any, ...]] = []
        self._numbers: dict[int, int] = {}
        self._seen: list[Tensor] = []  # kept, so that none has the place of another
        for tensor in inputs:
            self._number(tensor)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Write one down, and do it."""
        kwargs = kwargs or {}
        self.calls.append((func, self._written(args), self._written(kwargs)))
        return torch.empty_like(args[0]) if func in _AS_LARGE else func(*args, **kwargs)

    def _written(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return "tensor", self._number(value)
        if isinstance(value, Mapping):
            return tuple((key, self._written(part)) for key, part in value.items())
        if isinstance(value, list | tuple):
            return tuple(map(self._written, value))
        return type(value), value

    def _number(self, tensor: Tensor) -> int:
        if id(tensor) not in self._numbers:
            self._numbers[id(tensor)] = len(self._seen)
            self._seen.append(tensor)
        return self._numbers[id(tensor)]
