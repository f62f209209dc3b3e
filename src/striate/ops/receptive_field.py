"""The receptive field of a window, of a layer, or through a whole network."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, cast, overload

from torch import nn

from striate.errors import OptionError, ShapeError
from striate.ops.axes import Axes
from striate.ops.dry_run import DryRun, first_tensor
from striate.ops.geometry import Padding, Sizes, Window
from striate.ops.receptive import Reach, Sample, grow, spread

__all__ = ["ReceptiveField", "receptive_field"]


@dataclass(frozen=True)
class ReceptiveField:
    """Which input samples each position of an output sees: one entry for every spatial axis.

    Positions and samples are counted from 0. The border is ignored: a field may begin before sample 0 or end after the
    last one, where the padding is.

    Args:
        size: Input samples from the first to the last that one position sees, both counted. Where an enlargement
            lets neighbours see different amounts, the largest.
        stride: Input samples from one position's field to the next one's; a fraction where the output is denser than
            the input, and 0 where every position sees the same.
        centre: Input coordinate of the centre of position 0's field: the centre of position `p`'s is
            `centre + p * stride`. Where an enlargement lets neighbours see different amounts, it is so on average.
        reach: The same in full, for `at`.

    Example:
        >>> found = receptive_field(kernel_size=(3, 2), stride=2, padding=(1, 0))
        >>> found
        ReceptiveField(size=(3, 2), stride=(2, 2), centre=(0.0, 0.5))
        >>> found.at((5, 5))
        ((9, 11), (10, 11))
    """

    size: tuple[int, ...]
    stride: tuple[int | Fraction, ...]
    centre: tuple[float, ...]
    reach: tuple[Reach, ...] = field(repr=False)

    @classmethod
    def of(cls, reach: Sequence[Reach]) -> "ReceptiveField":
        """Sum up what is seen along each axis.

        >>> ReceptiveField.of([grow(Reach(), 5)])
        ReceptiveField(size=(5,), stride=(1,), centre=(2.0,))
        """
        rates = [int(r.rate) if r.rate.denominator == 1 else r.rate for r in reach]
        return cls(tuple(r.size for r in reach), tuple(rates), tuple(map(_centre, reach)), tuple(reach))

    def at(self, position: Sizes) -> tuple[tuple[Sample, Sample], ...]:
        """Give the first and the last input sample that a position sees, along each axis.

        They are not clipped: what lies before 0 or after the input's end is padding. A position that sees nothing
        (between the taps of a transposed convolution) has `(inf, -inf)`.

        Args:
            position: One number for every axis, or one for all.

        Raises:
            ShapeError: There are more or fewer numbers than axes.

        Example:
            >>> receptive_field(kernel_size=7, stride=2, padding=3).at(0)
            ((-3, 3),)
        """
        listed = tuple(position) if isinstance(position, Sequence) else (position,) * len(self.reach)
        if len(listed) != len(self.reach):
            raise ShapeError(
                f"ReceptiveField.at: position has {len(listed)} numbers for {len(self.reach)} spatial axes.",
                f"Give one number, or {len(self.reach)}.",
                position=listed,
            )
        return tuple(reach.at(p) for reach, p in zip(self.reach, listed, strict=True))


@overload
def receptive_field(model: nn.Module, input_size: Sequence[int], *, layer: str | None = None) -> ReceptiveField: ...
@overload
def receptive_field(
    *,
    kernel_size: Sizes,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    transposed: bool = False,
    after: ReceptiveField | None = None,
) -> ReceptiveField: ...
def receptive_field(
    model: nn.Module | None = None,
    input_size: Sequence[int] | None = None,
    *,
    layer: str | None = None,
    kernel_size: Sizes | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    transposed: bool = False,
    after: ReceptiveField | None = None,
) -> ReceptiveField:
    """Say which input samples each position of an output sees: of one window by its numbers, or through a network.

    Through a network it is followed operation by operation, along every branch, while a copy of `model` without
    numbers runs once in evaluation mode: nothing in `model` changes. With `kernel_size` it is that of one window, or
    of a window `after` others.

    Args:
        model: A layer or a network: any module that takes a batch of images, sequences or volumes.
        input_size: `(C, *spatial)`, in input samples, with one to three spatial axes.
        layer: Dotted name of the layer in `model` whose output is meant; its last run where it runs more than once.
            None for the output of `model`, and of several outputs the first.
        kernel_size: Taps along each axis, of a convolution or of pooling.
        stride: Input samples from one position to the next; give a pooling's, which is its kernel size by default.
        padding: Input samples added on each side, as in `output_size`; 'same' with stride 1 only.
        dilation: Input samples from one tap to the next.
        transposed: Whether the window is that of a transposed convolution.
        after: What the window's input sees; None if that is the input itself.

    Returns:
        Size, stride and centre, with one entry for every spatial axis. Behind something that mixes all positions
        (global pooling, flattening and a linear layer, attention, an operation that is not known) it is the whole
        input, with stride 0: name a `layer` before it to know what that sees.

    Raises:
        OptionError: `model` has no such layer, or settings contradict each other.
        ShapeError: The model cannot take such an input; or the output does not depend on it, or is flattened, so that
            it has no positions to speak of.

    Source:
        Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019,
        doi 10.23915/distill.00021.

    Example:
        >>> receptive_field(kernel_size=3, stride=2, padding=1)
        ReceptiveField(size=(3,), stride=(2,), centre=(0.0,))
        >>> conv = receptive_field(kernel_size=(5, 5))
        >>> receptive_field(kernel_size=2, stride=2, after=conv)
        ReceptiveField(size=(6, 6), stride=(2, 2), centre=(2.5, 2.5))
        >>> wave = nn.Sequential(nn.Conv1d(1, 8, 3, dilation=4), nn.ReLU(), nn.Conv1d(8, 8, 3, stride=2))
        >>> receptive_field(wave, (1, 16000))
        ReceptiveField(size=(11,), stride=(2,), centre=(5.0,))
        >>> receptive_field(wave, (1, 16000), layer="0")
        ReceptiveField(size=(9,), stride=(1,), centre=(4.0,))
    """
    if (model is None) == (kernel_size is None):
        raise OptionError(
            "receptive_field: pass either a model or a kernel_size.",
            "Call receptive_field(model, (C, H, W)), or receptive_field(kernel_size=3, stride=2, padding=1).",
        )
    if model is not None:
        window = {"stride": stride, "padding": padding, "dilation": dilation, "transposed": transposed, "after": after}
        return _through(model, input_size, layer, window)
    if input_size is not None or layer is not None:
        raise OptionError(
            "receptive_field: input_size and layer are of a model, and there is none.",
            "Leave them out, or pass a model and no kernel_size.",
            input_size=input_size,
            layer=layer,
        )
    return _of_window(cast("Sizes", kernel_size), (stride, padding, dilation), transposed, after)


def _of_window(
    kernel_size: Sizes, settings: tuple[Sizes, Padding, Sizes], transposed: bool, after: ReceptiveField | None
) -> ReceptiveField:
    stride, padding, dilation = settings
    ranks = [len(n) for n in (kernel_size, *settings) if isinstance(n, Sequence) and not isinstance(n, str)]
    rank = len(after.reach) if after else max(ranks, default=1)
    window = Window.of(
        "receptive_field", rank, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation
    )
    if window.padding == "same" and (transposed or any(s > 1 for s in window.stride)):
        raise OptionError(
            "receptive_field: with a stride, 'same' padding depends on the size of the input.",
            "Give the padding as numbers, or pass a model and an input_size.",
            kernel_size=window.kernel_size,
            stride=window.stride,
        )
    step, sides = spread if transposed else grow, window.sides(window.extent)
    before = after.reach if after else (Reach(),) * rank
    return ReceptiveField.of(
        [
            step(reach, k, stride=s, padding=side[0], dilation=d)
            for reach, k, s, side, d in zip(
                before, window.kernel_size, window.stride, sides, window.dilation, strict=True
            )
        ]
    )


def _through(
    model: nn.Module, input_size: Sequence[int] | None, layer: str | None, window: dict[str, Any]
) -> ReceptiveField:
    changed = {name: value for name, value in window.items() if value not in (_DEFAULTS[name], None)}
    if changed or input_size is None:
        raise OptionError(
            "receptive_field: a model brings its own windows, and needs the size of an input.",
            "Pass the model and (C, *spatial), as in receptive_field(model, (3, 224, 224)), and nothing of a window.",
            input_size=input_size,
            **changed,
        )
    dry = DryRun("receptive_field", model, input_size)
    names = [name for name, _ in dry.model.named_modules() if name]
    if layer is not None and layer not in names:
        raise OptionError(
            f"receptive_field: the model has no layer called {layer!r}.",
            f"Choose one of {', '.join(names)}." if names else "Leave it out: the model has no layers inside.",
            model=type(model).__name__,
        )
    found: dict[str, Axes | None] = {}

    def note(name: str, _module: nn.Module, out: Any) -> None:
        # At once: what comes later may write into it.
        tensor = first_tensor(out)
        found[name] = None if tensor is None else dry.trace.axes_of(tensor)

    dry.run(on_leave=note)
    axes = found.get(layer or "")
    if axes is None:
        raise ShapeError(
            f"receptive_field: {layer or 'the output'} does not depend on the input.",
            "Name a layer that does.",
            model=type(model).__name__,
            reason="it gives nothing made of the input" if (layer or "") in found else "it did not run",
        )
    if any(axis.index is None and axis.size > 1 and not axis.fixed for axis in axes):
        raise ShapeError(
            f"receptive_field: {layer or 'the output'} no longer has spatial axes, and is not mixed.",
            "Name the layer before the one that flattens or rearranges them: receptive_field(..., layer=...).",
            model=type(model).__name__,
            sees=tuple(axis.reach.size for axis in axes),
        )
    return ReceptiveField.of([axis.reach for axis in axes])


_DEFAULTS: dict[str, Any] = {"stride": 1, "padding": 0, "dilation": 1, "transposed": False, "after": None}


def _centre(reach: Reach) -> float:
    # The mean over the phases that see anything, each carried back to position 0.
    seen = [(p, reach.at(p)) for p in range(len(reach.first)) if reach.first[p] <= reach.last[p]]
    centres = [Fraction(int(first + last), 2) - p * reach.rate for p, (first, last) in seen]
    return float(sum(centres) / len(centres)) if centres else float("nan")
