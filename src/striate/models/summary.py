"""A table of a network's layers: what comes out, what it costs, what it sees."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from torch import Tensor, nn

from striate.ops.axes import Axes
from striate.ops.dry_run import DryRun, first_tensor

__all__ = ["Field", "Row", "Summary", "summary", "written"]

Field: TypeAlias = tuple[int, ...] | Literal["all"] | None


@dataclass(frozen=True)
class Row:
    """One layer, or one operation outside of a layer that costs something.

    Args:
        name: Where it is in the model, dotted; of the module around it for an operation outside of a layer.
        kind: The layer's class and its window, as in `Conv2d 5x5 /2`: kernel, stride, dilation, groups.
        output_shape: For one example: `C *spatial`, or `C`.
        parameters: Numbers learned here that no row above has counted.
        multiply_adds: For one example; of convolutions and matrix products.
        receptive_field: How far one output sees along each axis (rows and columns of a picture), in input samples,
            those beyond the border included; `"all"` once every output sees the whole input; None if it sees nothing
            of it.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    receptive_field: Field


@dataclass(frozen=True)
class Summary:
    """A row a layer, in the order in which they run.

    Args:
        model: The model's class.
        input_size: `C *spatial`, in input samples.
        rows: The layers.
    """

    heads: ClassVar[tuple[str, str]] = ("layer", "kind")
    """What a row's name and kind are called in the table's head."""

    model: str
    input_size: tuple[int, ...]
    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        """Numbers learned, shared ones counted once."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of convolutions and matrix products for one example."""
        return sum(row.multiply_adds for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """Give plain values, for JSON."""
        return {**asdict(self), "parameters": self.parameters, "multiply_adds": self.multiply_adds}

    def __str__(self) -> str:
        heads = (*self.heads, "output", "parameters", "multiply-adds", "sees")
        cells = [(r.name, r.kind, *written(r)) for r in self.rows]
        total = ("total", self.model, "", f"{self.parameters:,}", f"{self.multiply_adds:,}", "")
        lines = [heads, *cells, total]
        widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
        # Names to the left, numbers to the right.
        sides = "<<>>>>"
        aligned = [zip(line, sides, widths, strict=True) for line in lines]
        return "\n".join("  ".join(f"{c:{side}{w}}" for c, side, w in line).rstrip() for line in aligned)


def written(row: Row) -> tuple[str, str, str, str]:
    """Write a row's output shape, parameters, multiply-adds and receptive field, for a table.

    >>> written(Row("conv1", "Conv2d 5x5", (6, 28, 28), 156, 117_600, (5, 5)))
    ('6 x 28 x 28', '156', '117,600', '5 x 5')
    """
    field = row.receptive_field
    sees = "-" if field is None else "all" if field == "all" else _by_times(field)
    return _by_times(row.output_shape), f"{row.parameters:,}", f"{row.multiply_adds:,}", sees


def summary(model: nn.Module, input_size: Sequence[int]) -> Summary:
    """Write down every layer of `model` for one input of `input_size`.

    The model runs once as a copy without numbers, in evaluation mode: nothing in `model` changes, its weights are not
    copied, and its hooks are not called.

    Args:
        model: Any module that takes a batch of images, sequences or volumes, on any device.
        input_size: `C H W`, in input samples; of a sequence `C T`, of a volume `C D H W`.

    Returns:
        The layers in the order in which they run; operations outside of a layer that convolve, multiply matrices or
        pool have a row as well, and so have parameters that belong to no layer.

    Raises:
        OptionError: `input_size` is not two to four positive whole numbers.
        ShapeError: The model cannot take an input of that size.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(864, 10))
        >>> print(summary(net, (1, 28, 28)))
        layer  kind                   output  parameters  multiply-adds   sees
        0      Conv2d 5x5        6 x 24 x 24         156         86,400  5 x 5
        1      ReLU              6 x 24 x 24           0              0  5 x 5
        2      MaxPool2d 2x2 /2  6 x 12 x 12           0              0  6 x 6
        3      Flatten                   864           0              0  6 x 6
        4      Linear                     10       8,650          8,640    all
        total  Sequential                          8,806         95,040
    """
    dry = DryRun("summary", model, input_size)
    log = _Log(dry)
    dry.run(on_operation=log.operation, on_enter=log.enter, on_leave=log.leave)
    return Summary(type(model).__name__, dry.input_size, log.finish())


class _Log:
    """The rows, as they come to pass: hooks say which layer is running, the trace which operations."""

    def __init__(self, dry: DryRun) -> None:
        self._trace = dry.trace
        self._rows: list[Row] = []
        self._running: list[_Running] = []
        self._uncounted = dict(dry.model.named_parameters())  # shared ones are listed once
        # Which parameters a tensor is, or is a view of: a product takes its weight transposed.
        self._owned = {id(p): [name] for name, p in self._uncounted.items()}
        self._kept: list[Tensor] = []

    def finish(self) -> tuple[Row, ...]:
        """Give the rows, and one for each parameter that no layer has used."""
        unused = [
            Row(name, "Parameter", tuple(p.shape), self._count([name]), 0, None)
            for name, p in list(self._uncounted.items())
        ]
        return (*self._rows, *unused)

    def enter(self, name: str, module: nn.Module) -> None:
        """Note that a layer begins."""
        self._running.append(_Running(name, module, leaf=next(module.children(), None) is None))

    def leave(self, _name: str, _module: nn.Module, out: Any) -> None:
        """Write the row of a layer that has ended."""
        layer = self._running.pop()
        if layer.leaf:
            kind = f"{type(layer.module).__name__} {layer.window}".strip()
            owned = [name for p in layer.module.parameters() for name in self._owned.get(id(p), [])]
            self._row(layer.name, kind, first_tensor(out), owned, layer.multiply_adds)

    def operation(
        self, name: str, window: str | None, multiply_adds: int, taken: Sequence[Tensor], out: Tensor
    ) -> None:
        """Charge an operation to the layer around it, or write a row of its own."""
        owned = [parameter for tensor in taken for parameter in self._owned.get(id(tensor), [])]
        layer = self._running[-1] if self._running else _Running("", nn.Module(), leaf=False)
        if layer.leaf:
            layer.window = layer.window or window or ""
            layer.multiply_adds += multiply_adds
        elif window is not None:
            kind = f"{_CALLED.get(name, name).format(out.ndim - 2)} {window}".strip()
            self._row(layer.name or "forward", kind, out, owned, multiply_adds)
        elif owned and self._trace.axes_of(out) is None:
            self._owned[id(out)] = owned
            self._kept.append(out)

    def _row(self, name: str, kind: str, out: Tensor | None, owned: list[str], multiply_adds: int) -> None:
        shape = () if out is None else tuple(out.shape[1:])
        field = None if out is None else _field(self._trace.axes_of(out))
        self._rows.append(Row(name, kind, shape, self._count(owned), multiply_adds, field))

    def _count(self, names: list[str]) -> int:
        return sum(p.numel() for name in names if (p := self._uncounted.pop(name, None)) is not None)


@dataclass
class _Running:
    name: str
    module: nn.Module
    leaf: bool
    window: str = ""
    multiply_adds: int = 0


# How the field calls the operations that PyTorch and this package run, with the number of spatial axes.
_CALLED = {
    "convolution": "conv{}d",
    "tiled_conv": "tiled_conv{}d",
    "tiled_conv_transpose": "tiled_conv_transpose{}d",
    "addmm": "linear",
    "mm": "matmul",
    "bmm": "matmul",
    "baddbmm": "matmul",
    "max_pool2d_with_indices": "max_pool2d",
    "max_pool3d_with_indices": "max_pool3d",
}


def _field(axes: Axes | None) -> Field:
    if axes is None:
        return None
    whole = all(axis.reach.covers(axis.extent) for axis in axes)
    return "all" if whole else tuple(axis.reach.size for axis in axes)


def _by_times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
