"""A network captured to be looked into: its layers by name, their values, and gradients by whatever rules.

model  -->  export: a graph of operators  -->  naming: its layers  -->  Network: run it, keep values, swap rules
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, fx, nn

from striate.errors import DtypeError, OptionError, ShapeError
from striate.explain.export import Exported, exported
from striate.explain.fields import clipped, fields_of
from striate.explain.naming import Layer, layers_of
from striate.explain.operations import Kind, kind_of
from striate.ops.dry_run import first_tensor
from striate.ops.receptive import Reach

__all__ = ["Layer", "Network", "Rules", "capture", "captured", "needs_plane"]

Rules: TypeAlias = Mapping[Kind, Callable[..., Any]]
"""For kinds of operation, what is done instead: called with the operation, and with what it is called with."""


class Network:
    """A captured network: its layers by name, run as often as wanted, on any number of images.

    It computes with the model's own tensors, as they are when it runs: what is trained on shows.

    Args:
        graph: The graph and what goes into it.
        layers: Its layers, in the order in which they run.
        input_size: Of one image: `C *spatial`.
        dtype: Of the images.
        name: The model's class.
    """

    def __init__(
        self, graph: Exported, layers: Mapping[str, Layer], input_size: tuple[int, ...], dtype: torch.dtype, name: str
    ) -> None:
        self.layers, self.input_size, self.dtype, self.name = layers, input_size, dtype, name
        self._graph = graph
        self._kinds = {node.name: kind for node in graph.graph.graph.nodes if (kind := kind_of(node))}

    @property
    def tensors(self) -> Mapping[str, Shaped[Tensor, "..."]]:
        """The parameters and buffers that it computes with, and the constants of its code, by name."""
        return self._graph.tensors

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the tensors that are learnt, in the order in which they are first used."""
        return self._graph.parameters

    @property
    def output(self) -> str:
        """The name of the layer that gives the model's output, or of the last one before it."""
        results: Any = self._graph.graph.graph.output_node().args[0]
        node = results[self._graph.output].name
        return next((name for name, layer in self.layers.items() if layer.node == node), list(self.layers)[-1])

    def with_tensors(self, tensors: Mapping[str, Shaped[Tensor, "..."]]) -> "Network":
        """Give the same network with other numbers: random ones, or those of another epoch.

        Args:
            tensors: By name; those that are not given stay.

        Raises:
            OptionError: It has no tensor of such a name.
            ShapeError: It has, of another shape.
        """
        for name, tensor in tensors.items():
            own = self.tensors.get(name)
            if own is None:
                raise OptionError(
                    f"explain: {self.name} has no tensor called {name!r}.",
                    "Pass those of a network that is built alike.",
                )
            if own.shape != tensor.shape:
                raise ShapeError(
                    f"explain: {name} of {self.name} is of another shape.",
                    "Pass the tensors of a network that is built alike.",
                    given=tuple(tensor.shape),
                    needed=tuple(own.shape),
                )
        graph = self._graph._replace(tensors={**self._graph.tensors, **tensors})
        return Network(graph, self.layers, self.input_size, self.dtype, self.name)

    def layer(self, name: str) -> Layer:
        """Find a layer; of a module that has others in it, the last one.

        Raises:
            OptionError: No layer is called so; the message lists those that exist.
        """
        if name in self.layers:
            return self.layers[name]
        inside = [layer for layer in self.layers.values() if layer.name.startswith(f"{name}.")]
        if not inside:
            raise OptionError(
                f"explain: {self.name} has no layer called {name!r}.", f"Choose one of: {', '.join(self.layers)}."
            )
        return inside[-1]

    def run(
        self, x: Float[Tensor, "N C *spatial"], keep: Iterable[str] = (), *, rules: Rules | None = None
    ) -> tuple[Float[Tensor, "N ..."], dict[str, Float[Tensor, "N ..."]]]:
        """Compute the model's output, and keep the values of layers on the way; differentiable with respect to `x`.

        The model's parameters get no gradient.

        Args:
            x: Images.
            keep: Names of layers.
            rules: What is done instead of operations of certain kinds: the same numbers forward, as a rule, and
                backward whatever a method makes of the signal.

        Returns:
            The output, of several the first; and the values by the names that were given.

        Raises:
            OptionError: No layer is called so.
            ShapeError: The images are of another size than the network was captured for.
            DtypeError: Their numbers are.
        """
        output, values = self._run(x, self.tensors, tuple(keep), rules or {}, to_the_end=True)
        assert output is not None  # noqa: S101 - run to the end
        return output, values

    def values(
        self, x: Float[Tensor, "N C *spatial"], keep: Iterable[str], *, rules: Rules | None = None
    ) -> dict[str, Float[Tensor, "N ..."]]:
        """Compute the values of layers as `run` does, and nothing behind the last of them.

        Raises:
            OptionError: No layer is called so.
            ShapeError: The images are of another size than the network was captured for.
            DtypeError: Their numbers are.
        """
        return self._run(x, self.tensors, tuple(keep), rules or {}, to_the_end=False)[1]

    def visit(
        self, x: Float[Tensor, "N C *spatial"], layers: Iterable[str], visit: Callable[[str, Tensor], None]
    ) -> None:
        """Compute the values of layers as `values` does, hand each over when it is there, and keep none.

        Args:
            x: Images.
            layers: Names of layers.
            visit: Called with a layer's name, as it was given, and its value.

        Raises:
            OptionError: No layer is called so.
            ShapeError: The images are of another size than the network was captured for.
            DtypeError: Their numbers are.
        """
        self._run(x, self.tensors, tuple(layers), {}, to_the_end=False, visit=visit)

    def sees(self, layer: str, unit: Sequence[int] = ()) -> tuple[slice, ...]:
        """Say which part of the image a unit depends on: its receptive field, the border left out.

        Args:
            layer: A layer's name.
            unit: Its position along each spatial axis; nothing for units that have none.

        Returns:
            A slice for each spatial axis of the image: `image[:, *network.sees("conv1", (3, 4))]`.

        Raises:
            OptionError: No layer is called so.
        """
        return clipped(self._fields[self.layer(layer).name], tuple(unit), self.input_size[1:])

    @cached_property
    def _fields(self) -> dict[str, tuple[Reach, ...] | None]:
        def run(image: Tensor, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
            return self._run(image, tensors, tuple(self.layers), {}, to_the_end=False)[1]

        device = next((tensor.device for tensor in self.tensors.values()), None)
        return fields_of(torch.empty(1, *self.input_size, dtype=self.dtype, device=device), self.tensors, run)

    def _run(
        self,
        x: Tensor,
        tensors: Mapping[str, Tensor],
        keep: Sequence[str],
        rules: Rules,
        *,
        to_the_end: bool,
        visit: Callable[[str, Tensor], None] | None = None,
    ) -> tuple[Tensor | None, dict[str, Tensor]]:
        self._check(x)
        wanted = {name: self.layer(name).node for name in keep}
        given = [x if name is None else tensors[name].detach() for name in self._graph.inputs]
        names = {node: [name for name in wanted if wanted[name] == node] for node in wanted.values()}
        steps = _Steps(self._graph.graph, rules, self._kinds, names, visit)
        results = steps.results(given, to_the_end=to_the_end)
        output = first_tensor(results[self._graph.output]) if to_the_end else None
        return output, {name: steps.kept[name] for name in wanted if name in steps.kept}

    def _check(self, x: Tensor) -> None:
        if tuple(x.shape[1:]) != self.input_size:
            raise ShapeError(
                f"explain: {self.name} was captured for images of another size.",
                "Pass images of that size, or capture the model for these.",
                images=tuple(x.shape),
                captured=("N", *self.input_size),
            )
        if x.dtype != self.dtype:
            raise DtypeError(
                f"explain: {self.name} was captured for other numbers.",
                "Convert the images, or capture the model for these.",
                images=x.dtype,
                captured=self.dtype,
            )

    def __repr__(self) -> str:
        return f"Network({self.name}, {len(self.layers)} layers, input {' x '.join(map(str, self.input_size))})"


def capture(model: nn.Module, example: Float[Tensor, "N C *spatial"]) -> Network:
    """Capture a model, in evaluation mode, to look into it: any module that takes one batch of images.

    The model is not run and nothing in it changes: a copy is captured that shares its tensors and has none of its
    hooks. What is functional, reused or in place in the model's code is a plain step of the captured network.

    Args:
        model: A network, on any device.
        example: One image at least, of the size that is to be looked at.

    Raises:
        CaptureError: What the model computes cannot be followed: it depends on the numbers in the images, or on how
            many there are, or its code is not for copies.
        OptionError: The example is no batch.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2))
        >>> network = capture(net, torch.zeros(1, 1, 8, 8))
        >>> [f"{layer.name} {layer.kind} {layer.shape}" for layer in network.layers.values()]
        ['0 Conv2d (2, 6, 6)', '1 ReLU (2, 6, 6)', '2 MaxPool2d (2, 3, 3)']
        >>> maps, values = network.run(torch.zeros(5, 1, 8, 8), keep=["1"])
        >>> maps.shape, values["1"].shape, network.sees("1", (0, 5))
        (torch.Size([5, 2, 3, 3]), torch.Size([5, 2, 6, 6]), (slice(0, 3, None), slice(5, 8, None)))
    """
    graph = exported(model, example)
    nodes = graph.graph.graph
    image = [node for node in nodes.nodes if node.op == "placeholder"][graph.inputs.index(None)]
    return Network(graph, layers_of(nodes, model, image), tuple(example.shape[1:]), example.dtype, type(model).__name__)


def captured(model: nn.Module | Network, images: Float[Tensor, "N C *spatial"]) -> Network:
    """Capture a model for these images, unless it is captured already.

    Who looks more than once captures once: it takes a second or so.
    """
    return model if isinstance(model, Network) else capture(model, images)


def needs_plane(method: str, shape: Sequence[int]) -> None:
    """Refuse what has no height and width: sequences and volumes.

    Args:
        method: Which method asks.
        shape: Of its images: `N C *spatial`.

    Raises:
        ShapeError: There are not two spatial axes.
    """
    if len(shape) != 4:
        raise ShapeError(
            f"{method}: it takes images with two spatial axes.",
            "Pass images as (N, C, H, W); of sequences and volumes, ask saliency or another method of gradients.",
            images=tuple(shape),
        )


class _Steps(fx.Interpreter):
    """Runs the graph a step at a time, by the rules that are given, and keeps what is wanted."""

    def __init__(
        self,
        graph: fx.GraphModule,
        rules: Rules,
        kinds: Mapping[str, Kind],
        names: Mapping[str, Sequence[str]],
        visit: Callable[[str, Tensor], None] | None,
    ) -> None:
        super().__init__(graph)
        self.kept: dict[str, Tensor] = {}
        self._rules = {node: rules[kind] for node, kind in kinds.items() if kind in rules}
        self._names, self._waited_for = names, set(names)
        self._visit = visit or self.kept.__setitem__

    def results(self, given: Sequence[Tensor], *, to_the_end: bool) -> Any:
        """Run the graph, or what of it is needed for what is wanted."""
        self.args_iter = iter(given)
        nodes: Iterable[fx.Node] = self.graph.nodes  # pyright: ignore[reportAssignmentType, reportAttributeAccessIssue]
        for node in nodes:
            if not self._waited_for and not to_the_end:
                return None
            self.env[node] = self.run_node(node)
            if node.op == "output":
                return self.env[node]
            for last_used in self.user_to_last_uses.get(node, []):
                del self.env[last_used]
        return None

    def run_node(self, n: fx.Node) -> Any:
        """Run one step, by its rule if there is one."""
        rule = self._rules.get(n.name)
        if rule is None:
            value = super().run_node(n)
        else:
            args, kwargs = self.fetch_args_kwargs_from_env(n)
            value = rule(n.target, *args, **kwargs)
        self._waited_for.discard(n.name)
        for name in self._names.get(n.name, ()):
            self._visit(name, value)
        return value
