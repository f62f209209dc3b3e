"""Make the layers of a model separable where that pays, and say what each lost and gained."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, TypeVar

import torch
from torch import Tensor, nn

from striate.engine.accelerate import Conv2d as Accelerated
from striate.engine.race import race
from striate.errors import OptionError, ShapeError
from striate.nn.conv import Conv2d, Conv3d
from striate.nn.separable import SeparableConv2d, SeparableConv3d
from striate.ops.separate import Separated

__all__ = ["SeparatedLayer", "SeparatedModel", "separate"]

Model = TypeVar("Model", bound=nn.Module)
_Separable = SeparableConv2d | SeparableConv3d

# What can be taken apart, and what it becomes. Subclasses are left alone: they may convolve in another way.
_BECOMES: Final[dict[type[nn.Module], type[_Separable]]] = {
    nn.Conv2d: SeparableConv2d,
    Accelerated: SeparableConv2d,
    Conv2d: SeparableConv2d,
    nn.Conv3d: SeparableConv3d,
    Conv3d: SeparableConv3d,
}


@dataclass(frozen=True, eq=False)
class SeparatedLayer:
    """What became of a layer.

    Args:
        name: As `named_modules` has it.
        factors: What `ops.separate` made of its kernel.
        gain: How many times less it takes: measured time, or else multiply-adds.
        seconds: Before and after; None where no input's size was given.
        pays: Whether it was exchanged: it was not where nothing is gained.
    """

    name: str
    factors: Separated
    gain: float
    seconds: tuple[float, float] | None
    pays: bool


@dataclass(frozen=True, eq=False)
class SeparatedModel(Generic[Model]):
    """A model with separable layers.

    Args:
        model: A copy; the original is as it was.
        layers: All that could be taken apart, in the model's order.
        error: The norm of the difference of the outputs, relative to the original's, for normally distributed input;
            None where no input's size was given.
    """

    model: Model
    layers: tuple[SeparatedLayer, ...]
    error: float | None

    def __str__(self) -> str:
        """Write a line a layer: its rank, its kernel's error, parameters, multiply-adds or time, and the gain."""
        head = ("layer", "kernel", "rank", "error", "parameters", "time, ms" if self._timed else "", "gain", "")
        rows = [head, *(_row(layer) for layer in self.layers)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        lines = ["  ".join(cell.ljust(n) for cell, n in zip(row, widths, strict=True)).rstrip() for row in rows]
        done = sum(layer.pays for layer in self.layers)
        said = f"{done} of {len(self.layers)} layers are separable now"
        return "\n".join([*lines, said if self.error is None else f"{said}; the output differs by {self.error:.3g}"])

    @property
    def _timed(self) -> bool:
        return any(layer.seconds for layer in self.layers)


def separate(
    model: Model,
    tolerance: float,
    input_size: Sequence[int] | None = None,
    *,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> SeparatedModel[Model]:
    """Replace the convolutions of a trained model by separable ones that come near and take less.

    A kernel is written as a sum of outer products, of as few as the tolerance allows: a pass along each axis instead of
    all taps at once. Weights change, and so do the model's answers: judge it again, and train it on.

    Args:
        model: Any module. Its convolutions over two and three axes are looked at, PyTorch's and ours, but those that
            have hooks.
        tolerance: The largest relative error of a layer's kernel, by the Frobenius norm, as in `ops.separate`.
        input_size: The input's, the axis of examples included. With it every layer is timed before and after, on this
            machine and by turns, and what takes less time pays; without it, what takes fewer multiply-adds.
        told: Is told how many layers are done, of how many.

    Returns:
        A copy of the model with other layers, and what each lost and gained.

    Raises:
        OptionError: The tolerance is negative.
        ShapeError: The model does not take such an input.
        NonFiniteError: A kernel has infinite values or NaN.

    Source:
        Jaderberg, Vedaldi and Zisserman, "Speeding up convolutional neural networks with low rank expansions", BMVC
        2014, section 3.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(1, 4, 5), nn.ReLU(), nn.Conv2d(4, 8, 1))
        >>> _ = nn.init.constant_(model[0].weight, 0.1)
        >>> found = separate(model, tolerance=0.01)
        >>> [(layer.name, layer.factors.rank, layer.gain, layer.pays) for layer in found.layers]
        [('0', 1, 4.0, True)]
        >>> type(found.model[0]).__name__, type(model[0]).__name__
        ('SeparableConv2d', 'Conv2d')
    """
    if not tolerance >= 0:
        raise OptionError("separate: tolerance is negative.", "Give 0 or more.", tolerance=tolerance)
    copy = deepcopy(model)
    dense = {name: module for name, module in copy.named_modules() if _wide(module)}
    inputs = {} if input_size is None else _inputs(copy, dense, input_size)
    made: dict[str, nn.Module] = {}
    layers: list[SeparatedLayer] = []
    for name, module in dense.items():
        told(len(layers), len(dense))
        made[name], found = _separated(name, module, tolerance, inputs.get(name))
        layers.append(found)
    told(len(dense), len(dense))
    exchanged = {id(dense[layer.name]): made[layer.name] for layer in layers if layer.pays}
    copy = _exchanged(copy, exchanged)
    error = None if input_size is None else _difference(model, copy, input_size)
    return SeparatedModel(copy, tuple(layers), error)


def _wide(module: nn.Module) -> bool:
    """Whether a layer has kernels with taps along two axes or more, and nobody listens at it."""
    watched = module._forward_hooks or module._forward_pre_hooks or module._backward_hooks
    return type(module) in _BECOMES and not watched and sum(n > 1 for n in module.kernel_size) > 1  # pyright: ignore[reportGeneralTypeIssues, reportArgumentType]


def _separated(name: str, module: nn.Module, tolerance: float, x: Tensor | None) -> tuple[nn.Module, SeparatedLayer]:
    layer, factors = _BECOMES[type(module)].from_conv(module, tolerance=tolerance)
    learns = {name: parameter.requires_grad for name, parameter in module.named_parameters()}
    for parameter in layer.factors:
        parameter.requires_grad_(learns["weight"])
    if layer.bias is not None:
        layer.bias.requires_grad_(learns["bias"])
    if x is None:
        gain, seconds = factors.dense_multiply_adds / factors.multiply_adds, None
    else:
        with torch.no_grad():
            times = race({"before": partial(module, x), "after": partial(layer, x)}).seconds
        seconds = times["before"], times["after"]
        gain = seconds[0] / seconds[1]
    return layer, SeparatedLayer(name, factors, gain, seconds, gain > 1)


def _inputs(model: nn.Module, dense: dict[str, nn.Module], input_size: Sequence[int]) -> dict[str, Tensor]:
    """Run the model once, and keep what its layers take: the largest, of a layer that is used several times."""
    found: dict[str, Tensor] = {}

    def seen(name: str, module: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        x = given[0] if given else named["input"]
        if name not in found or x.numel() > found[name].numel():
            found[name] = x.detach()

    hooks = [module.register_forward_pre_hook(partial(seen, name), with_kwargs=True) for name, module in dense.items()]
    try:
        _run(model, input_size)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _run(model: nn.Module, input_size: Sequence[int]) -> Any:
    """Run a model in evaluation mode, and leave it in the modes in which it was."""
    modes = {module: module.training for module in model.modules()}
    try:
        like = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
        x = torch.randn(tuple(input_size), generator=torch.Generator().manual_seed(0)).to(like.device, like.dtype)
        with torch.no_grad():
            return model.eval()(x)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ShapeError(
            "separate: the model does not take such an input.",
            "Give the input's whole size, the axis of examples included.",
            input_size=tuple(input_size),
            reason=error,
        ) from error
    finally:
        for module, training in modes.items():
            module.training = training


def _exchanged(model: Model, by: dict[int, nn.Module]) -> Model:
    """Put layers into the places of others, wherever these are used."""
    for name, module in list(model.named_modules(remove_duplicate=False)):
        if name and id(module) in by:
            model.set_submodule(name, by[id(module)])
    return by.get(id(model), model)  # pyright: ignore[reportReturnType] - a model may be one layer


def _difference(model: nn.Module, copy: nn.Module, input_size: Sequence[int]) -> float | None:
    """Compare outputs; None if they are not one tensor."""
    want, found = _run(model, input_size), _run(copy, input_size)
    if not (isinstance(want, Tensor) and isinstance(found, Tensor)):
        return None
    apart = float((found - want).norm())
    return apart / float(want.norm()) if apart else 0.0


def _row(layer: SeparatedLayer) -> tuple[str, ...]:
    of = layer.factors
    times = "" if layer.seconds is None else " to ".join(f"{s * 1e3:.3g}" for s in layer.seconds)
    return (
        layer.name,
        str(of.shape),
        str(of.rank),
        f"{of.error:.3g}",
        f"{of.parameters:,} of {of.dense_parameters:,}",
        times,
        f"{layer.gain:.2f}",
        "separable" if layer.pays else "as it was",
    )
