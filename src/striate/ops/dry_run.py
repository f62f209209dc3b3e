"""Run a network without its numbers: as a copy that has shapes only, so that nothing in it changes."""

import copy
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, cast

import torch
from jaxtyping import Shaped
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from striate.errors import OptionError, ShapeError
from striate.ops.geometry import SPATIAL
from striate.ops.trace import OnOperation, Trace

__all__ = ["DryRun", "first_tensor", "hollow"]

_SIZES = {1: "channels and length", 2: "channels, height and width", 3: "channels, depth, height and width"}


def _nothing(*_: Any) -> None:
    pass


class DryRun:
    """One run of a copy of `model`, in evaluation mode, for one input of `input_size`.

    `model` is left as it is, its weights are not copied, and its hooks are not called.

    Args:
        caller: Who asks, for the errors.
        model: Any module that takes a batch of images, sequences or volumes, on any device.
        input_size: `(C, *spatial)`, in input samples, with one to three spatial axes.

    Raises:
        OptionError: `input_size` is not two to four positive whole numbers, or the model is not complete.

    Example:
        >>> dry = DryRun("example", nn.Conv1d(1, 8, 3), (1, 100))
        >>> out = dry.run()
        >>> out.shape, dry.trace.axes_of(out)[0].reach.size
        (torch.Size([1, 8, 98]), 3)
    """

    def __init__(self, caller: str, model: nn.Module, input_size: Sequence[int]) -> None:
        size = tuple(input_size)
        if len(size) not in (2, 3, 4) or not all(type(n) is int and n > 0 for n in size):
            raise OptionError(
                f"{caller}: input_size is not two to four positive whole numbers.",
                "Pass the channels and one to three spatial sizes, as in (1, 28, 28).",
                input_size=size,
            )
        if any(is_lazy(tensor) for tensor in (*model.parameters(), *model.buffers())):
            raise OptionError(
                f"{caller}: the model has layers that take their channels from their first input.",
                "Call the model once on a real input first.",
                model=type(model).__name__,
            )
        self._caller = caller
        self.input_size = size
        self.model = hollow(model)
        self.image = torch.empty(1, *size, device="meta", dtype=_dtype(model))
        self.trace = Trace(self.image)
        self._rank = len(size) - 1
        self._running: list[tuple[str, nn.Module, tuple[int, ...]]] = []

    def run(
        self,
        *,
        on_operation: OnOperation = _nothing,
        on_enter: Callable[[str, nn.Module], None] = _nothing,
        on_leave: Callable[[str, nn.Module, Any], None] = _nothing,
    ) -> Any:
        """Run the copy, and give what it gives.

        Args:
            on_operation: Called after each operation, as `Trace` says.
            on_enter: Called before each module with its dotted name and itself.
            on_leave: Called after each module with its dotted name, itself and what it gave.

        Raises:
            ShapeError: The model cannot take such an input.
        """
        self.trace.on_operation = on_operation
        for name, module in cast("Iterable[tuple[str, nn.Module]]", self.model.named_modules()):
            module.register_forward_pre_hook(partial(self._enter, name, on_enter))
            module.register_forward_hook(partial(self._leave, name, on_leave))
        try:
            with torch.no_grad(), self.trace:
                return self.model(self.image)
        except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as error:
            axes = zip(["C", *SPATIAL[len(self.input_size) - 1].split()], self.input_size, strict=True)
            raise ShapeError(
                f"{self._caller}: the model cannot take an input of this size.",
                f"Pass the {_SIZES[self._rank]} that the model was made for, or make one for this size.",
                model=type(self.model).__name__,
                input_size=" ".join(f"{axis}={n}" for axis, n in axes),
                **self._whereabouts(),
                reason=next(iter(str(error).splitlines()), type(error).__name__),
            ) from error

    def _whereabouts(self) -> dict[str, str]:
        """The innermost layer that has begun and not ended, and the shape it was given."""
        if not self._running:
            return {}
        name, module, given = self._running[-1]
        written_out = type(module).__name__ if any(True for _ in module.children()) else repr(module)
        return {"layer": f"{name or 'forward'}: {written_out}", "given": " x ".join(map(str, given))}

    def _enter(self, name: str, on_enter: Callable[[str, nn.Module], None], module: nn.Module, given: Any) -> None:
        tensor = first_tensor(given)
        self._running.append((name, module, () if tensor is None else tuple(tensor.shape[1:])))
        # A layer of one axis more would take the examples for channels, and run.
        named = re.search(r"(?:Conv|ConvTranspose|Pool|Pad)([23])d$", type(module).__name__)
        if named and tensor is not None and tensor.ndim == self.image.ndim == int(named[1]) + 1:
            had, self._rank = self._rank, int(named[1])
            raise ShapeError(
                f"{type(module).__name__} slides along {self._rank} axes, and the input has {had}.",
                f"Pass the {_SIZES[self._rank]}.",
            )
        on_enter(name, module)

    def _leave(
        self, name: str, on_leave: Callable[[str, nn.Module, Any], None], module: nn.Module, _given: Any, out: Any
    ) -> None:
        self._running.pop()
        on_leave(name, module, out)


def first_tensor(out: Any) -> Shaped[Tensor, "..."] | None:
    """Find the first tensor of what a layer returned.

    >>> first_tensor({"aux": None, "out": [torch.zeros(2), torch.zeros(3)]})
    tensor([0., 0.])
    """
    if isinstance(out, Tensor):
        return out
    values: Iterable[Any] = out.values() if isinstance(out, dict) else out if isinstance(out, list | tuple) else ()
    return next((found for value in values if (found := first_tensor(value)) is not None), None)


def hollow(model: nn.Module) -> nn.Module:
    """Copy a model without its numbers and without its hooks, in evaluation mode."""
    memo: dict[int, Any] = {}
    for module in model.modules():
        for key, value in vars(module).items():
            if "_hooks" in key:
                memo[id(value)] = type(value)()
            elif isinstance(value, Tensor):
                memo[id(value)] = torch.empty_like(value, device="meta", requires_grad=False)
    for buffer in model.buffers():
        memo[id(buffer)] = torch.empty_like(buffer, device="meta")
    for p in model.parameters():
        memo[id(p)] = nn.Parameter(torch.empty_like(p, device="meta"), requires_grad=p.requires_grad)
    return copy.deepcopy(model, memo).eval()


def _dtype(model: nn.Module) -> torch.dtype:
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
