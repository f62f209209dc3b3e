"""A model as a graph of PyTorch's operators, without a change in the model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import torch
from jaxtyping import Shaped
from torch import Tensor, fx, nn

from striate.compile.tracing import hookless, quietly, refused
from striate.engine import by_torch
from striate.errors import OptionError

if TYPE_CHECKING:
    from torch.export import ExportedProgram

__all__ = ["Exported", "exported"]


class Exported(NamedTuple):
    """A captured graph, and what goes into it.

    Args:
        graph: Functional: nothing in it is written into.
        inputs: Names of tensors, in the order in which the graph takes them; None for the images.
        tensors: The model's own parameters and buffers by name, and the constants of its code.
        parameters: Which of these are learnt, in the order in which they are first used.
        output: The place of the model's output, or of the first of several, among the graph's.
    """

    graph: fx.GraphModule
    inputs: tuple[str | None, ...]
    tensors: dict[str, Tensor]
    parameters: tuple[str, ...]
    output: int


# Checks of what was seen while capturing, which is no rule for what is run later.
_CHECKS: Final = {"_assert_tensor_metadata", "_assert_scalar", "sym_constrain_range_for_size", "sym_constrain_range"}


def exported(model: nn.Module, example: Shaped[Tensor, "N C *spatial"]) -> Exported:
    """Capture what a model computes in evaluation mode, for any number of examples of this size.

    A copy is captured, which shares the tensors of the model and has no hooks but PyTorch's own: the model is not run.

    Raises:
        CaptureError: The model cannot be copied, or what it computes depends on the numbers that it is given, or on
            how many examples there are.
        DtypeError: The example's numbers are of another kind than the model's, which do not go together.
        OptionError: The example is no batch.
    """
    if example.ndim < 3 or example.shape[0] == 0:
        raise OptionError(
            "capture: the example is not a batch.",
            "Pass images as (N, C, H, W), one at least; sequences and volumes likewise.",
            example=tuple(example.shape),
        )
    from torch.export import Dim, export  # here: it takes a fifth of a second, which who only trains need not wait for

    with refused(model, example):
        model = hookless(model)
        # Of one example PyTorch would take for granted that there is one.
        pair = example.detach()[:1].expand(2, *example.shape[1:])
        with quietly():
            program = export(model, (pair,), dynamic_shapes=({0: Dim.DYNAMIC},), strict=False)
            program = program.run_decompositions(_plainly())
    return _read(program, model)


def _plainly() -> dict[Any, Any]:
    """The engine's convolution as PyTorch's, whose gradients are exactly zero where nothing is seen."""
    own = torch.ops.striate
    return {own.conv2d.default: by_torch.convolve, own.conv2d_finished.default: _finished}


def _finished(images: Tensor, weight: Tensor, bias: Tensor | None, *more: Any) -> Tensor:
    *settings, residual, relu = more
    return by_torch.finish(by_torch.convolve(images, weight, bias, *settings), residual, relu)


def _read(program: "ExportedProgram", model: nn.Module) -> Exported:
    graph = program.graph_module
    for node in list(graph.graph.nodes):
        if getattr(getattr(node.target, "overloadpacket", None), "__name__", "") in _CHECKS:
            graph.graph.erase_node(node)
    own = {**dict(model.named_parameters(remove_duplicate=False)), **dict(model.named_buffers(remove_duplicate=False))}
    tensors: dict[str, Tensor] = {}
    inputs: list[str | None] = []
    for given in program.graph_signature.input_specs:
        if given.kind.name == "USER_INPUT" or given.target is None:
            inputs.append(None)
            continue
        inputs.append(given.target)
        found: Any = own.get(given.target, program.constants.get(given.target))
        tensors[given.target] = found
    kinds = [given.kind.name for given in program.graph_signature.output_specs]
    return Exported(graph, tuple(inputs), tensors, _learnt(graph.graph, inputs, tensors), _output(graph.graph, kinds))


def _learnt(graph: fx.Graph, inputs: Sequence[str | None], tensors: dict[str, Tensor]) -> tuple[str, ...]:
    places = {node: place for place, node in enumerate(graph.nodes)}
    given = zip(inputs, [node for node in graph.nodes if node.op == "placeholder"], strict=True)
    first = {name: min(map(places.__getitem__, node.users)) for name, node in given if name and node.users}
    learnt = [name for name in first if isinstance(tensors[name], nn.Parameter)]
    return tuple(sorted(learnt, key=first.__getitem__))


def _output(graph: fx.Graph, kinds: list[str]) -> int:
    # Before what the model returns come buffers that it has changed; what it returns may be no tensor.
    results = zip(kinds, cast("Sequence[Any]", graph.output_node().args[0]), strict=True)
    returned = [kind == "USER_OUTPUT" and isinstance(node, fx.Node) for kind, node in results]
    return returned.index(True)
