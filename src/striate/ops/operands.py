"""What a convolution is given must fit together: every check, and every message, in one place."""

from collections.abc import Sequence

import torch
from torch import Tensor

from striate.errors import DtypeError, ShapeError
from striate.ops.geometry import KERNEL, OUTPUT, SPATIAL, Sizes, Window, each, named

__all__ = ["add_bias", "check_bias", "check_groups", "check_input", "check_weight", "chosen_size", "lowered"]


def check_groups(caller: str, groups: int, **channels: int) -> None:
    """Refuse a number of groups that does not divide every number of channels.

    Raises:
        ShapeError: It is not positive, or a number of channels is no multiple of it.
    """
    each(caller, "groups", groups, 1)
    for name, count in channels.items():
        if count < 1:
            raise ShapeError(f"{caller}: {name} is less than 1.", "Give 1 or more.", **{name: count})
        if count % groups:
            raise ShapeError(
                f"{caller}: groups do not divide {name}.",
                f"Give groups that divide {name}, or {name} that are a multiple of {groups}.",
                **channels,
                groups=groups,
            )


def check_weight(caller: str, rank: int, weight: Tensor, groups: int, *, tiles: int = 0) -> None:
    """Refuse kernels with too many or too few axes, or that groups cannot share out.

    Args:
        caller: Who asks, for the error.
        rank: How many spatial axes there are.
        weight: Kernels, `(*tiles, K, C / groups, *kernel)`.
        groups: Blocks into which the channels are split.
        tiles: How many axes of tiles or positions come first.

    Raises:
        ShapeError: They do not fit.
    """
    if weight.ndim != tiles + rank + 2:
        axes = " ".join([*(f"{a}_kernels" for a in OUTPUT[rank].split()[:tiles]), "K", "C/groups", KERNEL[rank]])
        raise ShapeError(
            f"{caller}: weight has {weight.ndim} axes, and {tiles + rank + 2} are needed.",
            f"Pass weight as ({', '.join(axes.split())}).",
            weight=tuple(weight.shape),
        )
    if 0 in weight.shape:
        raise ShapeError(f"{caller}: weight is empty.", "Pass at least one number.", weight=tuple(weight.shape))
    check_groups(caller, groups, kernels=weight.shape[tiles])


def check_input(caller: str, rank: int, input: Tensor, weight: Tensor, *, channels: int, letter: str = "C") -> None:
    """Refuse an input with too many or too few axes, other channels than the kernels take, or another dtype.

    Args:
        caller: Who asks, for the error.
        rank: How many spatial axes there are.
        input: Input, `(*N, C, *size)`, or `(*N, K, *positions)` where `letter` is "K".
        weight: Kernels.
        channels: Channels that the kernels take.
        letter: Which of the two the channels are.

    Raises:
        ShapeError: Axes or channels do not fit.
        DtypeError: Input and weight are of different dtypes.
    """
    axes = f"{letter} {SPATIAL[rank] if letter == 'C' else OUTPUT[rank]}"
    if input.ndim not in (rank + 1, rank + 2):
        raise ShapeError(
            f"{caller}: input has {input.ndim} axes, and {rank + 2} are needed, or {rank + 1} for a single example.",
            f"Pass input as (N, {axes.replace(' ', ', ')}) or ({axes.replace(' ', ', ')}).",
            input=tuple(input.shape),
        )
    if input.shape[-rank - 1] != channels:
        given = input.shape[-rank - 1]
        raise ShapeError(
            f"{caller}: input has {given} channels, but weight takes {channels}.",
            f"Pass input with {channels} channels, or a weight made for {given}.",
            input=named(f"N {axes}" if input.ndim == rank + 2 else axes, input.shape),
            weight=tuple(weight.shape),
        )
    if input.dtype != weight.dtype:
        raise DtypeError(
            f"{caller}: input and weight are of different dtypes.",
            "Convert one of them, for example with input.to(weight.dtype).",
            input=input.dtype,
            weight=weight.dtype,
        )


def check_bias(
    caller: str,
    bias: Tensor | None,
    channels: int,
    positions: Sequence[int],
    *,
    dtype: torch.dtype,
    tiles: Sequence[int] | None = None,
) -> None:
    """Refuse a bias that is neither one number per channel, nor per location, nor (with `tiles`) per tile.

    Raises:
        ShapeError: The message lists the shapes that fit.
        DtypeError: It is of another dtype than the kernels.
    """
    if bias is None:
        return
    if bias.dtype != dtype:
        raise DtypeError(
            f"{caller}: bias and weight are of different dtypes.",
            "Convert one of them, for example with bias.to(weight.dtype).",
            bias=bias.dtype,
            weight=dtype,
        )
    fits = {"channel": (channels,), "tile": (channels, *(tiles or ())), "location": (channels, *positions)}
    if tuple(bias.shape) not in fits.values():
        shapes = [f"{shape} (one per {kind})" for kind, shape in fits.items() if kind != "tile" or tiles]
        raise ShapeError(
            f"{caller}: bias does not fit the output.",
            f"Pass bias as {' or '.join(shapes)}.",
            bias=tuple(bias.shape),
            output=(channels, *positions),
        )


def add_bias(output: Tensor, bias: Tensor | None, rank: int) -> Tensor:
    """Add a bias per channel, per tile or per location to `(*N, K, *positions)`, in place.

    A tile's bias takes turns as the kernels do: position `p` gets that of tile `p mod t`.
    """
    if bias is None:
        return output
    if bias.ndim == 1:
        return output.add_(bias.reshape(-1, *[1] * rank))
    for axis, (p, t) in enumerate(zip(output.shape[-rank:], bias.shape[1:], strict=True), start=1):
        turns = [-(-p // t) if i == axis else 1 for i in range(rank + 1)]
        bias = (bias.repeat(turns) if p > t else bias).narrow(axis, 0, p)
    return output.add_(bias)


def chosen_size(
    caller: str,
    window: Window,
    positions: Sequence[int],
    *,
    output_padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> tuple[int, ...]:
    """Give the spatial size of a transposed convolution's output.

    Several sizes have the same number of positions where the stride is above 1: `output_size` names one, or
    `output_padding` says how many samples to add to the smallest.

    Raises:
        ShapeError: `output_size` has another number of positions, or `output_padding` is as large as a step.
    """
    rank = window.rank
    extra = each(caller, "output_padding", output_padding, rank, least=0)
    if output_size is None:
        steps = [max(s, d) for s, d in zip(window.stride, window.dilation, strict=True)]
        if any(o >= step for o, step in zip(extra, steps, strict=True)) or (any(extra) and window.padding == "same"):
            raise ShapeError(
                f"{caller}: output_padding must be smaller than the stride or the dilation, and 0 with 'same'.",
                "Give fewer, or say the size with output_size.",
                output_padding=extra,
                stride=window.stride,
                dilation=window.dilation,
            )
        size = window.origins(positions, extra)
        if any(n < 1 for n in size):
            raise ShapeError(
                f"{caller}: nothing is left of the output.",
                "Pad less, or pass a larger input.",
                input=named(OUTPUT[rank], positions),
                output=named(SPATIAL[rank], size),
                padding=window.padding,
            )
        return size
    size = each(caller, "output_size", tuple(output_size)[-rank:], rank)
    if any(extra):
        raise ShapeError(
            f"{caller}: output_size and output_padding are both given.",
            "Give one of them.",
            output_size=size,
            output_padding=extra,
        )
    if window.positions(size) != tuple(positions):
        raise ShapeError(
            f"{caller}: an output of this size does not have as many positions as the input.",
            f"Leave output_size out, which gives {named(SPATIAL[rank], window.origins(positions))}, or choose a size "
            "with as many positions.",
            output_size=named(SPATIAL[rank], size),
            positions=named(OUTPUT[rank], window.positions(size)),
            input=named(OUTPUT[rank], positions),
        )
    return size


def lowered(*tensors: Tensor | None) -> tuple[Tensor | None, ...]:
    """Under autocast, convert floating operands to its dtype, as PyTorch does for its own convolutions."""
    if not torch._C._is_any_autocast_enabled():
        return tensors
    device = next(t.device.type for t in tensors if t is not None)
    if not torch.amp.is_autocast_available(device) or not torch.is_autocast_enabled(device):
        return tensors
    dtype = torch.get_autocast_dtype(device)
    return tuple(
        t.to(dtype) if t is not None and t.is_floating_point() and t.dtype != torch.float64 else t for t in tensors
    )
