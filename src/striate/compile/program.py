"""A network as a program: the core computes what it can by one call, and PyTorch what is left."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Shaped
from torch import Tensor

from striate.compile.graph import Given, Graph
from striate.compile.graph_file import write_graph
from striate.compile.left import Left, follows_from_sizes
from striate.compile.lower import refused
from striate.compile.outputs import arranged
from striate.compile.part import Part
from striate.compile.partition import Cut, partition, with_idle
from striate.engine.choice import Accuracy, Memory, chosen
from striate.errors import DtypeError, OptionError, ShapeError

__all__ = ["Piece", "Program", "sizes_of"]


class Piece(NamedTuple):
    """A part of a network.

    Args:
        graph: Its operations.
        part: What computes it: a `Part` is the core's, and what is `Left` is PyTorch's.
    """

    graph: Graph
    part: Part | Left

    def run(self, values: Mapping[str, Tensor], sizes: Hashable) -> dict[str, Tensor]:
        """Compute its outputs, by name, of values of the network's; `sizes` are those of the network's inputs."""
        given = [values[name] for name in self.graph.inputs]
        found = self.part.run(given) if isinstance(self.part, Part) else self.part.run(given, sizes)
        return dict(zip(self.graph.outputs, found, strict=True))


class Program:
    """A network that is ready to run. It takes tensors of 32-bit floats on the processor, and gives no gradients.

    Any number of threads may run one program at a time. Plans are made for each size that is met, and kept.

    Args:
        graph: The network.
        accuracy: How far from the exact sums results may be: "exact", "default" or "fast".
        wanted: Algorithms for convolutions by name, where some were measured to be the best.
        source: What the network was made from, for people.
        memory: "small" keeps no forms of weights that are much larger than the weights, nor the memory of runs.
        forget: Called when a form of a weight was made; see `graph_file.Opened`.

    Example:
        >>> from striate.compile.graph import Given, Node
        >>> relu = Node("y", "activation", ("x",), {"activation": ("relu",)})
        >>> program = Program(Graph({"x": Given((1, 2), free=(0,))}, (relu,), ("y",), {}))
        >>> program(torch.tensor([[-1.0, 1.0], [2.0, -2.0]]))
        tensor([[0., 1.],
                [2., 0.]])
    """

    def __init__(
        self,
        graph: Graph,
        *,
        accuracy: Accuracy | None = None,
        wanted: Mapping[str, str] | None = None,
        source: str = "",
        memory: Memory = "fast",
        forget: Callable[[], None] = lambda: None,
    ) -> None:
        choice = chosen()._replace(memory=memory)
        choice = choice if accuracy is None else choice._replace(accuracy=accuracy)
        self.graph, self.choice, self.source = graph, choice, source
        self.left = with_idle(graph, refused(graph))
        sized = follows_from_sizes(graph)

        def part(cut: Cut) -> Part | Left:
            if cut.core:
                return Part(cut.graph, choice, wanted, forget)
            return Left(cut.graph, sized, returned=graph.outputs, keeps=memory == "fast")

        self.pieces = tuple(Piece(cut.graph, part(cut)) for cut in partition(graph, self.left))
        self._last_read = _last_read(graph, self.pieces)

    @property
    def wanted(self) -> dict[str, str]:
        """Algorithms for convolutions by name, where some were measured."""
        parts = [part for _, part in self.pieces if isinstance(part, Part)]
        return {name: algorithm for part in parts for name, algorithm in part.wanted.items()}

    def __call__(self, *inputs: Shaped[Tensor, "..."]) -> Any:
        """Run it, see `run`, and return what the model returns: a tensor, or a tuple or mapping of tensors."""
        return arranged(self.graph, self.run(*inputs))

    def run(self, *inputs: Shaped[Tensor, "..."]) -> tuple[Shaped[Tensor, "..."], ...]:
        """Compute the outputs.

        Args:
            inputs: One for each of the network's, `N C H W` for images, contiguous or channels last; of the example's
                size but for the axes that are free.

        Returns:
            The outputs, as PyTorch would shape them. Images lie as the inputs do.

        Raises:
            ShapeError: An input is of another size than the network takes.
            DtypeError: An input is no tensor of 32-bit floats on the processor.
            OptionError: There are more or fewer than the network takes.
        """
        self._check(inputs)
        if len(self.pieces) == 1 and isinstance(self.pieces[0].part, Part):
            return self.pieces[0].part.run(inputs)
        values: dict[str, Tensor] = dict(zip(self.graph.inputs, inputs, strict=True))
        with torch.no_grad():
            sizes = sizes_of(inputs)
            for number, piece in enumerate(self.pieces):
                values.update(piece.run(values, sizes))
                for name in self._last_read.get(number, ()):
                    del values[name]
        return tuple(values[name] for name in self.graph.outputs)

    def takes(self, inputs: Sequence[Shaped[Tensor, "..."]]) -> bool:
        """Tell whether inputs are of numbers and sizes that it is for."""
        try:
            self._check(inputs)
        except (DtypeError, OptionError, ShapeError):
            return False
        return True

    def explain(self, *inputs: Shaped[Tensor, "..."]) -> Any:
        """Say what it does: an `explanation.Explanation`, which prints as a table.

        Args:
            inputs: That it is to be explained for; random ones of the example's size if none are given.
        """
        from striate.compile.explanation import explain  # it explains programs, and so knows this file

        return explain(self, inputs or [torch.randn(given.size) for given in self.graph.inputs.values()])

    def save(self, path: str | Path) -> Path:
        """Write it to a file, which runs without the model's code and is planned anew where it is loaded.

        Args:
            path: The file; `net.striate` is usual.

        Returns:
            The file.

        Raises:
            ProgramError: The system refuses to write.
        """
        about = {
            "source": self.source,
            "accuracy": self.choice.accuracy,
            "memory": self.choice.memory,
            "wanted": self.wanted,
        }
        return write_graph(path, self.graph, {**about, "torch": torch.__version__})

    def _check(self, inputs: Sequence[Tensor]) -> None:
        if len(inputs) != len(self.graph.inputs):
            raise OptionError(
                f"program: it takes {len(self.graph.inputs)} inputs, and is given {len(inputs)}.",
                "Pass one tensor for each.",
                inputs=", ".join(self.graph.inputs),
            )
        for (name, given), x in zip(self.graph.inputs.items(), inputs, strict=True):
            if x.dtype is not torch.float32 or not x.is_cpu or x.layout is not torch.strided:
                raise DtypeError(
                    "program: it takes 32-bit floats on the processor.",
                    "Pass x.float().cpu().",
                    input=name,
                    dtype=x.dtype,
                    device=x.device,
                )
            if x.ndim != len(given.size) or 0 in x.shape or not _fits(given, x.shape):
                raise ShapeError(
                    "program: an input is not of the size that the network takes.",
                    f"Pass one of {_written(given)}, or compile the model with an example of that size.",
                    input=name,
                    size=tuple(x.shape),
                    **({"reason": given.reason} if given.reason else {}),
                )


def sizes_of(inputs: Sequence[Shaped[Tensor, "..."]]) -> Hashable:
    """Tell the sizes of a network's inputs, and how they lie."""
    return tuple((x.shape, x.stride()) for x in inputs)


def _fits(given: Given, sizes: Sequence[int]) -> bool:
    """Tell whether sizes are the example's, but for the free axes: of these all but the first go in steps."""
    return all(
        size == wanted or (axis in given.free and (axis == 0 or (size - wanted) % given.step == 0))
        for axis, (size, wanted) in enumerate(zip(sizes, given.size, strict=True))
    )


def _written(given: Given) -> str:
    def one(axis: int, size: int) -> str:
        if axis not in given.free:
            return str(size)
        return "any" if axis == 0 or given.step == 1 else f"{size % given.step} + a multiple of {given.step}"

    return f"({', '.join(one(axis, size) for axis, size in enumerate(given.size))})"


def _last_read(graph: Graph, pieces: Sequence[Piece]) -> dict[int, list[str]]:
    """Say which values nothing reads after a piece."""
    last: dict[str, int] = {}
    for number, piece in enumerate(pieces):
        last.update(dict.fromkeys((*piece.graph.inputs, *piece.graph.outputs), number))
    found: dict[int, list[str]] = {}
    for name, number in last.items():
        if name not in graph.outputs:
            found.setdefault(number, []).append(name)
    return found
