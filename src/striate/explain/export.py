"""A model as a graph of PyTorch's operators, without a change in the model."""

import copy
import io
import logging
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager, redirect_stderr
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import torch
from jaxtyping import Shaped
from torch import Tensor, fx, nn

from striate.engine import by_torch
from striate.errors import CaptureError, DtypeError, OptionError

if TYPE_CHECKING:
    from torch.export import ExportedProgram

__all__ = ["Exported", "dtype_of", "exported"]


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

# They write out what they were tracing before it is refused; the error says it in a line.
_TRACERS: Final = ("torch._subclasses.fake_tensor", "torch.fx.experimental.symbolic_shapes", "torch.export")


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

    with _refused(model, example):
        model = _shared(model)
        # Of one example PyTorch would take for granted that there is one.
        pair = example.detach()[:1].expand(2, *example.shape[1:])
        with _quiet():
            program = export(model, (pair,), dynamic_shapes=({0: Dim.DYNAMIC},), strict=False)
            program = program.run_decompositions(_plainly())
    return _read(program, model)


def dtype_of(model: nn.Module) -> torch.dtype | None:
    """Tell which kind of numbers a model learns; None if it learns none.

    >>> dtype_of(nn.Linear(2, 2).double()), dtype_of(nn.ReLU())
    (torch.float64, None)
    """
    return next((parameter.dtype for parameter in model.parameters() if parameter.is_floating_point()), None)


def _plainly() -> dict[Any, Any]:
    """The engine's convolution as PyTorch's, whose gradients are exactly zero where nothing is seen."""
    own = torch.ops.striate
    return {own.conv2d.default: by_torch.convolve, own.conv2d_finished.default: _finished}


def _finished(images: Tensor, weight: Tensor, bias: Tensor | None, *more: Any) -> Tensor:
    *settings, residual, relu = more
    return by_torch.finish(by_torch.convolve(images, weight, bias, *settings), residual, relu)


def _shared(model: nn.Module) -> nn.Module:
    """Copy a model's modules and what they hold, but for tensors, which both have, and for hooks."""
    memo: dict[int, Any] = {}
    for module in model.modules():
        for key, value in vars(module).items():
            if isinstance(value, Tensor):
                memo[id(value)] = value
            elif "_hooks" in key:
                kept = {i: hook for i, hook in value.items() if type(hook).__module__.startswith("torch.nn.utils")}
                memo[id(value)] = type(value)(kept)
    memo |= {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, memo).eval()


@contextmanager
def _quiet() -> Generator[None]:
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # it has no gradient
    loggers = [logging.getLogger(name) for name in _TRACERS]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()), torch.no_grad():
            warnings.simplefilter("ignore")  # the tracer's own, about itself
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled


@contextmanager
def _refused(model: nn.Module, example: Tensor) -> Generator[None]:
    try:
        yield
    except Exception as error:  # whatever a model's code raises
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        numbers = dtype_of(model)
        if numbers not in (None, example.dtype):
            raise DtypeError(
                "capture: the images' numbers are of another kind than the model's.",
                "Convert the images, or the model.",
                images=example.dtype,
                model=numbers,
            ) from error
        raise CaptureError(
            "capture: this model cannot be followed operation by operation.",
            "What it computes has to be a function of one batch of images of this size, the same for any number of "
            "them and whatever is in them. Pass such a part of it.",
            model=type(model).__name__,
            example=" x ".join(map(str, example.shape)),
            reason=f"{type(error).__name__}: {lines[0] if lines else ''}"[:300],
        ) from error


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
