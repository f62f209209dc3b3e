"""Unpooling: every maximum back to where it was, the rest of the plane zero.

The axis letters are defined in `ops/geometry.py`.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, Final, Literal, TypeAlias

import torch
from jaxtyping import Int, Num
from torch import Tensor, nn
from torch._C._functorch import is_legacy_batchedtensor

from striate.engine import max_pool as by_core
from striate.engine.images import is_worth
from striate.errors import DtypeError, OptionError, ShapeError
from striate.ops.geometry import OUTPUT, SPATIAL, Padding, Sizes, Window, each, named
from striate.ops.pooling import as_images, check_pooled, pool_window, remembered

__all__ = ["OVERLAPS", "Overlap", "check_overlap", "max_unpool1d", "max_unpool2d", "max_unpool3d"]

Overlap: TypeAlias = Literal["sum", "max", "last"]
"""What a sample becomes that several positions name."""

_SIZES: Final[dict[Any, tuple[int, ...]]] = {}


def max_unpool1d(
    input: Num[Tensor, "*N C Q"],
    indices: Int[Tensor, "*N C Q"],
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    output_size: Sequence[int] | None = None,
    *,
    overlap: Overlap = "sum",
) -> Num[Tensor, "*N C T"]:
    """As `max_unpool2d`, over sequences.

    Source:
        Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 2.1.

    Example:
        >>> import torch
        >>> max_unpool1d(torch.tensor([[3.0, 5.0]]), torch.tensor([[1, 2]]), 2)
        tensor([[0., 3., 5., 0.]])
    """
    return _max_unpool("max_unpool1d", 1, input, indices, (kernel_size, stride, padding), output_size, overlap)


def max_unpool2d(
    input: Num[Tensor, "*N C P Q"],
    indices: Int[Tensor, "*N C P Q"],
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    output_size: Sequence[int] | None = None,
    *,
    overlap: Overlap = "sum",
) -> Num[Tensor, "*N C H W"]:
    """Put every maximum back to where `max_pool2d` found it, into an image of zeros.

    Windows that overlap may have found the same sample. PyTorch's function then keeps whichever it wrote last, and its
    gradient is another function's. This one is deterministic, and differentiable twice, whatever `overlap` says.

    Args:
        input: Maxima, with or without the axis of examples.
        indices: The switches that `max_pool2d` returned: places in the plane, `row * W + column`.
        kernel_size: Taps along each axis of the pooling.
        stride: Its step; without it windows lie side by side.
        padding: Its padding.
        output_size: Spatial sizes of the result, or its whole shape; several sizes pool to the same number of
            positions, and without it the result is the smallest whose windows are all whole ('same': the largest).
        overlap: What a sample becomes that several positions name: their 'sum', which is the adjoint of the pooling;
            the 'max' of them, NaN being the greatest; or the 'last' of them, row by row.

    Returns:
        `H = (P - 1) * stride - before - after + R`, or `output_size`; less than a stride from it, and with 'same'
            at most `P * stride`. `W` likewise.

    Raises:
        ShapeError: Sizes do not fit, or an index lies outside the plane.
        OptionError: There is no such padding, or no such way to treat overlaps.
        DtypeError: The input is complex or boolean, or the indices are not int64.

    Source:
        Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 2.1.

    Example:
        >>> import torch
        >>> max_unpool2d(torch.tensor([[[5.0, 7.0]]]), torch.tensor([[[4, 4]]]), (2, 2), (1, 1), overlap="sum")
        tensor([[[ 0.,  0.,  0.],
                 [ 0., 12.,  0.]]])
    """
    return _max_unpool("max_unpool2d", 2, input, indices, (kernel_size, stride, padding), output_size, overlap)


def max_unpool3d(
    input: Num[Tensor, "*N C O P Q"],
    indices: Int[Tensor, "*N C O P Q"],
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    output_size: Sequence[int] | None = None,
    *,
    overlap: Overlap = "sum",
) -> Num[Tensor, "*N C D H W"]:
    """As `max_unpool2d`, over volumes or video.

    Source:
        Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 2.1.

    Example:
        >>> import torch
        >>> max_unpool3d(torch.ones(1, 2, 2, 2), torch.zeros(1, 2, 2, 2, dtype=torch.int64), 2)[0, 0, 0]
        tensor([8., 0., 0., 0.])
    """
    return _max_unpool("max_unpool3d", 3, input, indices, (kernel_size, stride, padding), output_size, overlap)


def check_overlap(caller: str, overlap: str) -> None:
    """Refuse a way to treat overlaps that does not exist.

    Raises:
        OptionError: The message lists those that do.
    """
    if overlap not in OVERLAPS:
        raise OptionError(
            f"{caller}: no way to treat overlaps is called {overlap!r}.",
            f"Choose one of {', '.join(map(repr, OVERLAPS))}.",
        )


def _max_unpool(
    caller: str,
    rank: int,
    input: Tensor,
    indices: Tensor,
    steps: tuple[Sizes, Sizes | None, Padding],
    output_size: Sequence[int] | None,
    overlap: str,
) -> Tensor:
    check_overlap(caller, overlap)

    def fit() -> tuple[int, ...]:
        check_pooled(caller, rank, input)
        return _plane(caller, pool_window(caller, rank, *steps), input, output_size)

    wanted = tuple(output_size) if isinstance(output_size, torch.Size) else output_size
    size = remembered(_SIZES, (caller, input.shape, input.dtype), (steps, wanted), fit)
    _check_alike(caller, input, indices)

    shape = input.shape  # of the input alone: what it closes over lives as long as the graph

    def by_torch(images: Tensor, places: Tensor) -> Tensor:
        samples, where = (each.reshape(shape).flatten(-rank) for each in (images, places))
        flat = OVERLAPS[overlap](samples, where, prod(size))
        return flat.unflatten(-1, size)

    if overlap == "max" or not _is_for_the_core(input, indices):
        _check_indices(caller, rank, indices, size)
        return by_torch(input, indices)
    images, places = _planes(rank, input), _planes(rank, indices)
    plane = (size[0] if rank > 1 else 1, prod(size[-2 if rank == 3 else -1 :]))
    try:
        found = by_core.max_unpool2d(
            images, places, plane, lambda x, at: _planes(rank, by_torch(x, at)), last=overlap == "last"
        )
    except IndexError:  # the core looks where it writes; the words are ours
        found = None
    if found is None:
        _check_indices(caller, rank, indices, size)
        return by_torch(input, indices)  # as they are by now: another thread has changed them
    return found if images is input else found.view(*input.shape[:-rank], *size)


def _planes(rank: int, input: Tensor) -> Tensor:
    """View as images what an index counts through: of a volume, a slice is a row."""
    return as_images(rank, input).flatten(3)


def _plane(caller: str, window: Window, input: Tensor, output_size: Sequence[int] | None) -> tuple[int, ...]:
    rank = window.rank
    usual = window.origins(input.shape[-rank:])
    size = usual
    if output_size is not None:
        whole = len(output_size) in (rank + 2, input.ndim)
        size = each(caller, "output_size", tuple(output_size)[-rank:] if whole else tuple(output_size), rank)
    least = tuple(max(1, u - s + 1) for u, s in zip(usual, window.stride, strict=True))
    # With 'same' the usual size is the largest there is.
    more = (0 if window.padding == "same" else s - 1 for s in window.stride)
    most = tuple(u + m for u, m in zip(usual, more, strict=True))
    if not all(low <= n <= high for low, n, high in zip(least, size, most, strict=True)):
        raise ShapeError(
            f"{caller}: no input of this size pools to these positions.",
            f"Give output_size from {least} to {most}.",
            output_size=named(SPATIAL[rank], size),
            input=named(OUTPUT[rank], input.shape[-rank:]),
            kernel_size=window.kernel_size,
            stride=window.stride,
            padding=window.padding,
        )
    return size


def _check_alike(caller: str, input: Tensor, indices: Tensor) -> None:
    if indices.shape != input.shape:
        raise ShapeError(
            f"{caller}: input and indices are of different shapes.",
            "Pass the indices that the pooling of this input returned.",
            input=tuple(input.shape),
            indices=tuple(indices.shape),
        )
    if indices.dtype != torch.int64:
        raise DtypeError(
            f"{caller}: indices are not int64.",
            "Pass the indices that the pooling returned, or convert them with indices.long().",
            indices=indices.dtype,
        )


def _check_indices(caller: str, rank: int, indices: Tensor, size: tuple[int, ...]) -> None:
    if not _has_numbers(indices) or not indices.numel():
        return
    low, high = (int(n) for n in indices.aminmax())
    if low < 0 or high >= prod(size):
        raise ShapeError(
            f"{caller}: an index lies outside the plane.",
            "Pass the indices that the pooling of this input returned, and the size of its input as output_size.",
            smallest=low,
            greatest=high,
            plane=f"{named(SPATIAL[rank], size)}, indices 0 to {prod(size) - 1}",
        )


def _is_for_the_core(input: Tensor, indices: Tensor) -> bool:
    # What is not checked may lie anywhere.
    return is_worth(input) and indices.is_cpu and _has_numbers(indices) and not is_legacy_batchedtensor(indices)


def _has_numbers(tensor: Tensor) -> bool:
    # Fake tensors and other stand-ins have none to look at; nor is there one number for all under vmap, or in a trace.
    real = type(tensor) in (Tensor, nn.Parameter) and not tensor.is_meta and not torch.compiler.is_compiling()
    mapped = torch._C._functorch.maybe_current_level() is not None  # pyright: ignore[reportAttributeAccessIssue]
    return real and not mapped and not torch._C._len_torch_dispatch_stack()


def _sum(input: Tensor, indices: Tensor, places: int) -> Tensor:
    lead = input.shape[:-1]
    if input.device.type != "cuda":
        return input.new_zeros(*lead, places).scatter_add(-1, indices, input)
    # On a GPU additions by scatter_add come in any order; those of index_put are sorted first.
    rows = torch.arange(prod(lead), device=input.device).unsqueeze(-1) * places
    flat = (rows + indices.reshape(prod(lead), -1)).flatten()
    return input.new_zeros(prod(lead) * places).index_put((flat,), input.flatten(), accumulate=True).view(*lead, places)


def _last(input: Tensor, indices: Tensor, places: int) -> Tensor:
    return _won(input, indices, places, None)


def _max(input: Tensor, indices: Tensor, places: int) -> Tensor:
    return _won(input, indices, places, input.detach().argsort(dim=-1, stable=True))


def _won(input: Tensor, indices: Tensor, places: int, order: Tensor | None) -> Tensor:
    # The position of the highest rank wins a place; `order` lists the positions by rank. Whole numbers, so no race.
    ranks = torch.arange(input.shape[-1], device=input.device).expand(input.shape)
    named_by = indices if order is None else indices.gather(-1, order)
    highest = torch.full((*input.shape[:-1], places), -1, device=input.device)
    highest = highest.scatter_reduce(-1, named_by, ranks, "amax")
    winner = highest.clamp(min=0)
    winner = winner if order is None else order.gather(-1, winner)
    return torch.where(highest >= 0, input.gather(-1, winner), 0)


OVERLAPS: dict[str, Callable[[Tensor, Tensor, int], Tensor]] = {"sum": _sum, "max": _max, "last": _last}
