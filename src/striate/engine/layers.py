"""The convolutions that a model computes: found by running it once, and looking at what reaches PyTorch."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from striate.engine.plain import lies_last
from striate.engine.problem import Direction, Problem
from striate.errors import ShapeError

__all__ = ["Layer", "layers"]


@dataclass(frozen=True)
class Layer:
    """One convolution of a model.

    Args:
        name: Of the module that computes it, as `named_modules` has it; "" for the model itself.
        problem: What it computes, forward.
        backward: What training computes: the output from weights that change from call to call, and the gradients;
            nothing for inference.
    """

    name: str
    problem: Problem
    backward: tuple[Problem, ...] = ()


def layers(
    model: nn.Module, input_size: Sequence[int], *, backward: bool = False, channels_last: bool = False
) -> list[Layer]:
    """List a model's convolutions in the order in which they run, for inputs of one size.

    The model is run once, on zeros, in evaluation mode, and left as it was. Only two-dimensional convolutions of
    32-bit floats on the processor are listed.

    Args:
        model: Any module that takes one tensor.
        input_size: The input's, the axis of examples included.
        backward: Whether what training computes is listed as well.
        channels_last: Whether the input lies in memory with a pixel's channels side by side.

    Raises:
        ShapeError: The model does not take such an input; the message has its own words.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 1))
        >>> [layer.name for layer in layers(model, (1, 3, 9, 9))]
        ['0', '2']
    """
    watch = _Watch(backward=backward)
    x = torch.zeros(tuple(input_size))
    if channels_last and x.ndim == 4:
        x = x.contiguous(memory_format=torch.channels_last)
    with _evaluating(model), _named(model, watch), nullcontext() if backward else torch.no_grad(), watch:
        try:
            model(x)
        except (RuntimeError, ValueError, TypeError) as error:
            raise ShapeError(
                "layers: the model does not take such an input.",
                "Give the size of an input that it takes, examples first: (1, 3, 224, 224).",
                input_size=tuple(input_size),
                model=type(model).__name__,
                reason=error,
            ) from error
    return watch.found


class _Watch(TorchDispatchMode):
    """Sees every operator that runs, and knows in which module."""

    def __init__(self, *, backward: bool) -> None:
        super().__init__()
        self.backward = backward
        self.found: list[Layer] = []
        # The modules that are running, and whether their inputs are learnt by.
        self.inside: list[tuple[str, bool]] = [("", False)]
        # The last padding with zeros: what came out, what went in, the sides, the module.
        self.pad: tuple[Tensor, Tensor, Sequence[int], str] | None = None

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Note a convolution; compute whatever it is."""
        output = func(*args, **(kwargs or {}))
        name, through = self.inside[-1]
        if str(func) == "aten.constant_pad_nd.default" and output.ndim == 4 and len(args[1]) == 4:
            self.pad = (output, args[0], args[1], name) if not any(args[2:]) else None
        reader = _READERS.get(str(func))
        problem = reader(self._whole(args)) if reader else None
        if problem is not None:
            learnt: dict[Direction, bool] = {"input gradient": through, "weight gradient": True}
            gradients = [problem.turned(direction) for direction, wanted in learnt.items() if wanted]
            training = (replace(problem, packed_anew=True), *gradients)
            self.found.append(Layer(name, problem, training if self.backward else ()))
        return output

    def _whole(self, args: Sequence[Any]) -> Sequence[Any]:
        """Count zeros that the same module added before to the padding: PyTorch has to add them, the engine has not."""
        if self.pad is None or args[0] is not self.pad[0] or self.inside[-1][0] != self.pad[3]:
            return args
        _, x, (left, right, top, bottom), _ = self.pad
        given = [side for side in args[4] for _ in range(2)] if len(args[4]) == 2 else args[4]
        around = [n + more for n, more in zip(given, (top, bottom, left, right), strict=True)]
        return (x, *args[1:4], around, *args[5:])


def _pytorchs(args: Sequence[Any]) -> Problem | None:
    """Read `aten::convolution`."""
    x, weight, bias, stride, padding, dilation, transposed, _, groups = args
    return None if transposed else _problem(x, weight, bias, (stride, padding, dilation, groups))


def _ours(args: Sequence[Any]) -> Problem | None:
    """Read `striate::conv2d`."""
    x, weight, bias, *steps = args
    return _problem(x, weight, bias, steps)


def _ours_finished(args: Sequence[Any]) -> Problem | None:
    """Read `striate::conv2d_finished`."""
    x, weight, bias, *steps, residual, relu = args
    return _problem(x, weight, bias, steps, residual=residual is not None, relu=relu)


def _problem(x: Tensor, weight: Tensor, bias: Tensor | None, steps: Sequence[Any], **more: Any) -> Problem | None:
    stride, padding, dilation, groups = steps
    if x.ndim != 4 or not all(t.dtype is torch.float32 and t.is_cpu for t in (x, weight)):
        return None
    return Problem.of(
        x.shape,
        weight.shape,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=bias is not None,
        channels_last=lies_last(x, weight),
        **more,
    )


_READERS: Final[dict[str, Callable[[Sequence[Any]], Problem | None]]] = {
    "aten.convolution.default": _pytorchs,
    "striate.conv2d.default": _ours,
    "striate.conv2d_finished.default": _ours_finished,
}


@contextmanager
def _evaluating(model: nn.Module) -> Generator[None]:
    """Switch off what a run would change: running means, dropout; each module is switched back by itself."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


@contextmanager
def _named(model: nn.Module, watch: _Watch) -> Generator[None]:
    """Tell the watch which module is running."""
    names = {module: name for name, module in model.named_modules()}

    def enter(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        through = any(isinstance(x, Tensor) and x.requires_grad for x in inputs)
        watch.inside.append((names[module], through))

    def leave(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        watch.inside.pop()

    hooks = [module.register_forward_pre_hook(enter) for module in names]
    hooks += [module.register_forward_hook(leave, always_call=True) for module in names]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
