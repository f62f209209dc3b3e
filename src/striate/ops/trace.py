"""Watch a model run on tensors that have a shape and no numbers: every operation, its cost and what its output sees.

What an operation does is in `ops/rules.py`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from jaxtyping import Shaped
from torch import Tensor, strided
from torch.utils._python_dispatch import TorchDispatchMode

from striate.ops.axes import Axes, everything, image_axes, join
from striate.ops.pieces import Canvas
from striate.ops.rules import BLIND, JOINT, cost_of, rule_of

__all__ = ["OnOperation", "Trace"]

OnOperation = Callable[[str, str | None, int, Sequence[Tensor], Tensor], None]


def _ignore(*_: Any) -> None:
    pass


class Trace(TorchDispatchMode):
    """Follow one image through every operation that runs while this is active.

    Args:
        image: The input, `N C *spatial`.
        on_operation: Called after each operation with its name, its window in words (`5x5 /2`; "" if it has none,
            None if it is neither a convolution, a product nor pooling), its multiply-adds, its tensor arguments and
            its first output.

    Example:
        >>> import torch
        >>> image = torch.empty(1, 3, 16000, device="meta")
        >>> with Trace(image) as trace:
        ...     out = torch.nn.functional.conv1d(image, torch.empty(8, 3, 5, device="meta"), stride=2)
        >>> trace.axes_of(out)[0].reach
        Reach(first=(0,), last=(4,), jump=2)
    """

    def __init__(self, image: Shaped[Tensor, "N C *spatial"], on_operation: OnOperation = _ignore) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self.on_operation = on_operation
        # Tensors are kept alive, so that an id is never used twice.
        self._kept: list[Tensor] = []
        # What a tensor sees, and the version of its memory for which that was found.
        self._axes: dict[int, tuple[Axes, int]] = {}
        # Memory, by the address of its storage.
        self._canvases: dict[int, Canvas] = {}
        self._rank = image.ndim - 2
        self._note(image, image_axes(image))

    def axes_of(self, tensor: Shaped[Tensor, "..."]) -> Axes | None:
        """Say what a tensor sees; None if it does not depend on the image."""
        found, version = self._axes.get(id(tensor), (None, 0))
        canvas = self._canvas(tensor)
        if canvas is None or canvas.version <= version:
            return found
        # Written into through another view since.
        return canvas.read(tensor)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run one operation and write down what it did."""
        result = func(*args, **(kwargs or {}))
        given = _by_name(func, args, kwargs or {})
        taken, made = list(_tensors(given.values())), list(_tensors([result]))
        for tensor in [*taken, *made]:
            self._keep(tensor)
        self._follow(func, given, taken, made)
        if made:
            cost, name = cost_of(func), func.overloadpacket.__name__.strip("_")
            window = _window_of(given, self._rank) if cost or "pool" in name else None
            self.on_operation(name, window, cost(given, made[0]) if cost else 0, taken, made[0])
        return result

    def _follow(self, func: Any, given: Mapping[str, Any], taken: Sequence[Tensor], made: Sequence[Tensor]) -> None:
        written = [given[a.name] for a in func._schema.arguments if a.alias_info and a.alias_info.is_write]
        written = list(_tensors(written))
        # What `copy_` writes into is forgotten; other operations change it.
        sources = [given["src"]] if func.overloadpacket.__name__ == "copy_" else taken
        seen = [(tensor, found) for tensor in sources if (found := self.axes_of(tensor))]
        if not seen or func.overloadpacket in BLIND:
            return
        joint, rule = JOINT.get(func.overloadpacket), rule_of(func)
        for out in {id(tensor): tensor for tensor in [*made, *written]}.values():
            if joint:
                found = joint(given, seen, out)
            elif any(out is tensor for tensor in made):
                found = join([rule(given, tensor, axes, out) for tensor, axes in seen])
            else:
                found = join([everything(given, tensor, axes, out) for tensor, axes in seen])
            if any(out is tensor for tensor in written):
                self._write(out, found)
            self._note(out, found)

    def _write(self, tensor: Tensor, axes: Axes) -> None:
        canvas = self._canvas(tensor)
        if canvas is not None and axes != self.axes_of(tensor):
            if canvas.version == 0:
                canvas.axes = self._axes.get(id(canvas.root), (None, 0))[0]
            canvas.write(tensor, axes)

    def _note(self, tensor: Tensor, axes: Axes) -> None:
        self._keep(tensor)
        canvas = self._canvas(tensor)
        self._axes[id(tensor)] = axes, canvas.version if canvas else 0

    def _keep(self, tensor: Tensor) -> None:
        self._kept.append(tensor)
        if tensor.layout is strided:
            self._canvases.setdefault(tensor.untyped_storage()._cdata, Canvas(tensor))

    def _canvas(self, tensor: Tensor) -> Canvas | None:
        return self._canvases.get(tensor.untyped_storage()._cdata) if tensor.layout is strided else None


def _by_name(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    names = [argument.name for argument in func._schema.arguments]
    defaults = {a.name: a.default_value for a in func._schema.arguments if a.has_default_value()}
    return {**defaults, **dict(zip(names, args, strict=False)), **kwargs}


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(cast("list[Any]", value))


def _window_of(given: Mapping[str, Any], rank: int) -> str:
    kernel = given.get("kernel_size", ())
    if "stride" in given and "weight" in given:
        # Before the kernel come K and C, and where kernels take turns their numbers along each axis.
        kernel = given["weight"].shape[2 if "before" not in given else -len(given["stride"]) :]
    if not kernel:
        return ""
    stride, dilation = list(given.get("stride") or kernel), list(given.get("dilation", [1]))
    if rank == 1 and len(kernel) == 2 and kernel[0] == 1:  # sequences are pooled as pictures of one row
        kernel, stride, dilation = kernel[1:], stride[-1:], dilation[-1:]
    words = ["x".join(map(str, kernel))]
    words += [f"/{_times(stride)}"] if _times(stride) != "1" else []
    words += [f"dilation {_times(dilation)}"] if _times(dilation) != "1" else []
    words += [f"groups {given['groups']}"] if given.get("groups", 1) > 1 else []
    return " ".join(words)


def _times(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes)) if len(set(sizes)) > 1 else str(sizes[0])
