"""Kernels that depend on the position: what unshared and tiled convolution have in common.

Unshared convolution is tiled convolution with as many tiles as positions; the callers' names tell them apart.
"""

from collections.abc import Sequence
from typing import cast

from torch import Tensor

from striate.errors import ShapeError
from striate.ops.geometry import OUTPUT, Padding, Sides, Sizes, Window, named
from striate.ops.operands import add_bias, check_bias, check_input, check_weight, chosen_size, lowered
from striate.ops.padding import check_mode, pad
from striate.ops.positional import bilinear, tiled_conv, tiled_conv_transpose

__all__ = ["positional_conv", "positional_conv_transpose"]

Steps = tuple[Sizes, Padding, Sizes]
"""Stride, padding and dilation as the caller gave them."""


def positional_conv(
    caller: str,
    rank: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    steps: Steps,
    groups: int,
    padding_mode: str,
    flip: bool,
) -> Tensor:
    """Convolve with `(*tiles, K, C / groups, *kernel)`; the arguments are those of `tiled_conv2d`."""
    input, weight, bias = cast("tuple[Tensor, Tensor, Tensor | None]", lowered(input, weight, bias))
    check_weight(caller, rank, weight, groups, tiles=rank)
    check_input(caller, rank, input, weight, channels=weight.shape[rank + 1] * groups)
    check_mode(caller, padding_mode)
    window = _window(caller, rank, weight, steps)
    size = input.shape[-rank:]
    positions = window.fitted(caller, size)
    _check_tiles(caller, weight, positions)
    check_bias(caller, bias, weight.shape[rank], positions, dtype=weight.dtype, tiles=_tiles(caller, weight, rank))
    sides = window.sides(size)
    if padding_mode != "zeros":
        input, sides = pad(caller, input, sides, padding_mode), ((0, 0),) * rank
    batch = input if input.ndim == rank + 2 else input.unsqueeze(0)
    before, after = _each_side(sides)
    output = bilinear(tiled_conv, batch, weight, window.stride, before, after, window.dilation, groups, flip)
    return add_bias(output if batch is input else output.squeeze(0), bias, rank)


def positional_conv_transpose(
    caller: str,
    rank: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    steps: Steps,
    groups: int,
    size: tuple[Sizes, Sequence[int] | None],
    flip: bool,
) -> Tensor:
    """Transpose `positional_conv`; `size` is the output padding and the output size, as the caller gave them."""
    input, weight, bias = cast("tuple[Tensor, Tensor, Tensor | None]", lowered(input, weight, bias))
    check_weight(caller, rank, weight, groups, tiles=rank)
    check_input(caller, rank, input, weight, channels=weight.shape[rank], letter="K")
    window, positions = _window(caller, rank, weight, steps), input.shape[-rank:]
    _check_tiles(caller, weight, positions)
    whole = chosen_size(caller, window, positions, output_padding=size[0], output_size=size[1])
    channels = weight.shape[rank + 1] * groups
    check_bias(caller, bias, channels, whole, dtype=weight.dtype, tiles=_tiles(caller, weight, rank))
    batch = input if input.ndim == rank + 2 else input.unsqueeze(0)
    # Samples past the end of the taps, which `output_padding` can ask for, are as if the convolution cut them off.
    before, _ = _each_side(window.sides(whole))
    after = [
        (p - 1) * s + e - b - n
        for p, s, e, b, n in zip(positions, window.stride, window.extent, before, whole, strict=True)
    ]
    output = bilinear(
        tiled_conv_transpose, batch, weight, whole, window.stride, before, after, window.dilation, groups, flip
    )
    return add_bias(output if batch is input else output.squeeze(0), bias, rank)


def _window(caller: str, rank: int, weight: Tensor, steps: Steps) -> Window:
    stride, padding, dilation = steps
    kernel = weight.shape[rank + 2 :]
    return Window.of(caller, rank, kernel_size=kernel, stride=stride, padding=padding, dilation=dilation)


def _tiles(caller: str, weight: Tensor, rank: int) -> Sequence[int] | None:
    return None if caller.startswith("unshared") else weight.shape[:rank]


def _check_tiles(caller: str, weight: Tensor, positions: Sequence[int]) -> None:
    rank = len(positions)
    if caller.startswith("unshared") and tuple(weight.shape[:rank]) != tuple(positions):
        raise ShapeError(
            f"{caller}: there must be one kernel for every position.",
            f"Pass weight with {' x '.join(map(str, positions))} kernels in front, or an input of the size "
            "they are for.",
            weight=tuple(weight.shape),
            kernels=named(OUTPUT[rank], weight.shape[:rank]),
            positions=named(OUTPUT[rank], positions),
        )


def _each_side(sides: Sides) -> tuple[list[int], list[int]]:
    return [before for before, _ in sides], [after for _, after in sides]
