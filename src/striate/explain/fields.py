"""What each layer of a captured network sees of the input, found by running its graph on images without numbers."""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Shaped
from torch import Tensor

from striate.ops.axes import Axes
from striate.ops.receptive import Reach
from striate.ops.trace import Trace

__all__ = ["clipped", "fields_of"]


def fields_of(
    image: Shaped[Tensor, "N C *spatial"],
    tensors: Mapping[str, Tensor],
    run: Callable[[Tensor, Mapping[str, Tensor]], Mapping[str, Tensor]],
) -> dict[str, tuple[Reach, ...] | None]:
    """Say what the positions of every layer see along each axis of the image; None where it has none, or sees nothing.

    Args:
        image: One image; its numbers are not read.
        tensors: The network's, by name; likewise.
        run: Gives the values of the layers, for an image and such tensors.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode  # here: it takes a while to import

    with FakeTensorMode() as mode, torch.no_grad():
        fake = mode.from_tensor(image)
        stand_ins = {name: mode.from_tensor(tensor) for name, tensor in tensors.items()}
        with Trace(fake) as trace:
            values = run(fake, stand_ins)
        found = {name: trace.axes_of(value) for name, value in values.items()}
    return {name: _placed(axes) for name, axes in found.items()}


def clipped(reach: tuple[Reach, ...] | None, unit: tuple[int, ...], size: tuple[int, ...]) -> tuple[slice, ...]:
    """Give the samples of an image that a unit sees, the border left out.

    Args:
        reach: What a layer's positions see; None for everything.
        unit: One position along each axis; where they are others than the image's, all of it counts as seen.
        size: Of the image along each axis.

    Example:
        >>> clipped((Reach((-1,), (1,), 2),), (0,), (8,))
        (slice(0, 2, None),)
    """
    anywhere = reach is not None and all(r.jump == 0 for r in reach)
    if reach is None or (len(unit) != len(size) and not anywhere):
        return tuple(slice(0, n) for n in size)
    places = unit if len(unit) == len(size) else (0,) * len(size)
    seen = [r.at(place) for r, place in zip(reach, places, strict=True)]
    return tuple(
        slice(int(max(0, first)), int(min(n, last + 1))) if first <= last else slice(0, 0)
        for (first, last), n in zip(seen, size, strict=True)
    )


def _placed(axes: Axes | None) -> tuple[Reach, ...] | None:
    # Where an axis is flattened among others, a position is none of the image's.
    if axes is None or any(axis.index is None and axis.size > 1 and not axis.fixed for axis in axes):
        return None
    return tuple(axis.reach for axis in axes)
