"""What a model returns, and the tensors in it, one after the other."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Shaped
from torch import Tensor
from torch.utils._pytree import tree_leaves

from striate.compile.graph import Graph

__all__ = ["arranged", "tensors_of"]


def arranged(graph: Graph, outputs: Sequence[Shaped[Tensor, "..."]]) -> Any:
    """Return outputs in the form in which the model returns them.

    Args:
        graph: Knows the form.
        outputs: One after the other.

    Returns:
        A tensor; or a tuple or a mapping of tensors, tuples and so on.

    Example:
        >>> graph = Graph({}, (), (), {}, returns={"scores": {"output": 0}, "more": ({"output": 1}, None)})
        >>> arranged(graph, [1, 2])
        {'scores': 1, 'more': (2, None)}
    """
    if graph.returns is None:
        return outputs[0] if len(outputs) == 1 else tuple(outputs)
    return _filled(graph.returns, outputs)


def tensors_of(returned: Any) -> list[Shaped[Tensor, "..."]]:
    """List the tensors that a model has returned, in the order in which its graph has them as outputs."""
    return [leaf for leaf in tree_leaves(returned) if isinstance(leaf, Tensor)]


def _filled(form: Any, outputs: Sequence[Any]) -> Any:
    if isinstance(form, Mapping):
        place = form.get("output") if len(form) == 1 else None
        if isinstance(place, int):
            return outputs[place]
        return {key: _filled(part, outputs) for key, part in form.items()}
    return tuple(_filled(part, outputs) for part in form) if isinstance(form, list | tuple) else form
