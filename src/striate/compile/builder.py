"""From PyTorch's exported graph to ours: one value after another, under the names of the model's weights."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import torch
from jaxtyping import Shaped
from torch import Tensor, fx
from torch.utils._pytree import tree_unflatten

from striate.compile.graph import Given, Graph, Node
from striate.compile.torch_operator import UnwritableError, name_of, written
from striate.compile.tracing import quietly
from striate.errors import CaptureError

if TYPE_CHECKING:
    from torch.export import ExportedProgram

__all__ = ["Builder", "built"]

# Checks of what was seen while capturing, which is no rule for what is run later.
_CHECKS: Final = {"_assert_tensor_metadata", "_assert_scalar", "sym_constrain_range_for_size", "sym_constrain_range"}

# In evaluation mode they write nothing, whatever they are called.
_DROPOUTS: Final = {"dropout_", "feature_dropout_", "alpha_dropout_", "feature_alpha_dropout_"}

# What a reshape needs to be where values may lie in memory in another order than while they were captured.
_ANY_LAYOUT: Final = {"aten.view.default": "aten.reshape.default", "aten._unsafe_view.default": "aten.reshape.default"}


class Builder:
    """The graph that is being made.

    Args:
        constants: The tensors of the model, by name.
    """

    def __init__(self, constants: Mapping[str, Shaped[Tensor, "..."]]) -> None:
        self.constants = dict(constants)
        self.nodes: list[Node] = []
        self._names: dict[fx.Node, str] = {}
        self._used = {*constants}

    def emit(self, name: str, op: str, inputs: Sequence[str | None], **options: Any) -> str:
        """Add an operation, and tell the name of its value: `name`, or one like it that is free."""
        name = self._free(name)
        self.nodes.append(Node(name, op, tuple(inputs), options))
        return name

    def constant(self, name: str, tensor: Shaped[Tensor, "..."]) -> str:
        """Add a constant, and tell its name: `name`, or one like it that is free."""
        name = self._free(name)
        self.constants[name] = tensor
        return name

    def name(self, value: fx.Node) -> str:
        """Tell our name of a value of PyTorch's graph; after it was written into, that of what it is then."""
        return self._names[value]

    def maybe(self, value: fx.Node | None) -> str | None:
        """Tell the name of what may be absent."""
        return None if value is None else self.name(value)

    def known(self, value: Any) -> Tensor | None:
        """Find the numbers of a value, if they are the same for every input."""
        return self.constants.get(self._names.get(value, "")) if isinstance(value, fx.Node) else None

    def bind(self, value: fx.Node, name: str) -> None:
        """Say what a value of PyTorch's graph is called here."""
        self._names[value] = name

    def rebind(self, values: Sequence[fx.Node], written: fx.Node) -> None:
        """Let values that have been written into be called as the outcome is."""
        self._names |= {value: self._names[written] for value in values if value in self._names}

    def input(self, value: fx.Node) -> str:
        """Add an input of the graph."""
        self._names[value] = self._free(value.name)
        return self._names[value]

    def torch(self, node: fx.Node, item: int | None = None, as_name: str | None = None) -> str:
        """Add an operator that stays PyTorch's.

        Args:
            node: Which.
            item: Which of its results.
            as_name: Of the value, if not its own.

        Raises:
            CaptureError: It is one that a graph may not have.
        """
        target = name_of(_functional(node.target))
        inputs: list[str] = []

        def given(value: Any) -> int | None:
            if not isinstance(value, fx.Node):
                return None
            name = self.name(value)
            if name not in inputs:
                inputs.append(name)
            return inputs.index(name)

        args, kwargs = (), dict[str, Any]()
        try:
            args = written(node.args, given)
            kwargs = {key: written(value, given) for key, value in node.kwargs.items()}
        except UnwritableError:
            target = None
        if target is None:
            raise CaptureError(
                "capture: the model calls an operator that a graph may not have.",
                "It has to be PyTorch's own, write into nothing and draw no numbers. Pass the part without it.",
                operator=node.target,
                module=_module(node),
            )
        more = {} if item is None else {"item": item}
        target = _ANY_LAYOUT.get(target, target)
        return self.emit(as_name or node.name, "torch", inputs, target=target, args=args, kwargs=kwargs, **more)

    def _free(self, name: str) -> str:
        found, count = name, 1
        while found in self._used:
            count += 1
            found = f"{name}_{count}"
        self._used.add(found)
        return found


def built(program: "ExportedProgram", tensors: Mapping[str, Tensor]) -> Graph:
    """Read an exported program.

    Args:
        program: Of a model in evaluation mode.
        tensors: The model's parameters and buffers, by name.

    Returns:
        Its graph, for the sizes of the example alone, with no pass done.

    Raises:
        CaptureError: It calls an operator that a graph may not have.
    """
    from striate.compile.from_aten import convert  # it needs the builder

    if _is_entangled(program.graph_module.graph):
        with quietly():
            program = program.run_decompositions({})
    graph, signature = program.graph_module.graph, program.graph_signature
    kinds = [spec.kind.name for spec in signature.output_specs]
    if "BUFFER_MUTATION" in kinds:
        raise CaptureError(
            "capture: the model changes its own buffers when it runs.",
            "What is compiled keeps nothing from one call to the next. Pass the part without it.",
            buffer=signature.output_specs[kinds.index("BUFFER_MUTATION")].target,
        )
    specs = {spec.arg.name: spec for spec in signature.input_specs}
    held: dict[str, Any] = {**program.constants, **tensors}
    named = {name: spec.target or name for name, spec in specs.items()}
    builder = Builder({name: held[name].detach() for name in named.values() if isinstance(held.get(name), Tensor)})
    aliases, inputs = _aliases(graph), dict[str, Given]()
    for node in graph.nodes:
        if node.op == "placeholder" and specs[node.name].kind.name == "USER_INPUT":
            inputs[builder.input(node)] = Given(tuple(node.meta["val"].shape))
        elif node.op == "placeholder":
            builder.bind(node, named[node.name])
        elif node.op == "call_function" and _name(node) not in _CHECKS:
            convert(builder, node)
            if _writes(node):
                builder.rebind(aliases[_storage(node.args[0].meta["val"])], node)
    results = cast("Sequence[Any]", graph.output_node().args[0])
    returned = [value for kind, value in zip(kinds, results, strict=True) if kind == "USER_OUTPUT"]
    outputs = [builder.name(value) for value in returned if isinstance(value, fx.Node)]
    place = iter(range(len(outputs)))
    leaves = [{"output": next(place)} if isinstance(value, fx.Node) else value for value in returned]
    returns = _plain(tree_unflatten(leaves, cast("Any", program.call_spec.out_spec)))
    return Graph(inputs, tuple(builder.nodes), tuple(outputs), builder.constants, returns)


def _is_entangled(graph: fx.Graph) -> bool:
    """Whether something is written into that is seen under another shape as well, which takes PyTorch to undo."""
    aliases = _aliases(graph)
    for node in filter(_writes, graph.nodes):
        plain = [one for one in aliases[_storage(node.args[0].meta["val"])] if not _writes(one)]
        if len(plain) > 1 or plain[0].op == "placeholder" or _functional(node.target) is None:
            return True
    return False


def _aliases(graph: fx.Graph) -> dict[int, list[fx.Node]]:
    """Values by the memory that they share."""
    found: dict[int, list[fx.Node]] = {}
    for node in graph.nodes:
        value = node.meta.get("val")
        for part in value if isinstance(value, list | tuple) else [value]:
            if isinstance(part, Tensor):
                found.setdefault(_storage(part), []).append(node)
    return found


def _storage(value: Tensor) -> int:
    return value.untyped_storage()._cdata


def _writes(node: fx.Node) -> bool:
    mutable = isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable
    return mutable and not (_name(node) in _DROPOUTS and node.args[2] is False)


def _functional(target: Any) -> Any:
    """The operator that gives what another writes into its first argument."""
    if not (isinstance(target, torch._ops.OpOverload) and target._schema.is_mutable):
        return target
    packet = getattr(getattr(torch.ops, target.namespace), target.overloadpacket.__name__.removesuffix("_"), None)
    return getattr(packet, target._overloadname, None)


def _name(node: fx.Node) -> str:
    return getattr(getattr(node.target, "overloadpacket", None), "__name__", "")


def _module(node: fx.Node) -> str:
    paths: list[str] = [path for path, _ in node.meta.get("nn_module_stack", {}).values()]
    return (paths or [""])[-1] or "the model itself"


def _plain(value: Any) -> Any:
    """What is returned, as JSON has it: `{"output": 0}` stands for the first output."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value
