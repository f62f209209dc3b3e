"""Pooling, unpooling and normalisation against PyTorch's, forward and with the gradient, in both layouts.

Ours is given the layout of each row; PyTorch's both, and the ratio is taken against the better. Of local contrast
normalisation PyTorch has none: ours is held to a copy of its input, times the passes of its window, four.

Run: python -m bench.pooling --threads 1 2
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.harness import Result, compare, record_rows
from bench.layers import asked, close, milliseconds
from striate import ops

LAYOUTS = ("NCHW", "channels_last")
FORMATS: dict[int, dict[str, torch.memory_format]] = {  # by the axes of the input
    4: dict(zip(LAYOUTS, (torch.contiguous_format, torch.channels_last), strict=True)),
    5: dict(zip(LAYOUTS, (torch.contiguous_format, torch.channels_last_3d), strict=True)),
}
VOLUME = (1, 32, 16, 56, 56)
PASSES = 4  # of a window over an image: along rows and columns, for the mean and for the deviation
COLUMNS = ["operation", "layout", "threads", "ours ms", "PyTorch's better ms", "speed-up", "held to"]
CONTRAST_COLUMNS = ["maps", "layout", "threads", "ours ms", "a copy ms", "copies a pass", "held to"]


def largest(x: Tensor, size: int, stride: int) -> Tensor:
    """Pool without switches."""
    return ops.max_pool2d(x, size, stride)


@dataclass(frozen=True)
class Case:
    """One operation of ours and of PyTorch's.

    Args:
        name: As the table has it.
        ours: Of what is given.
        torchs: The same.
        held: The speed-up that is asked for, forward; None where none is.
        shape: Of the input.
        given: What both are given of the input, that which has a gradient first; the input itself if None.
    """

    name: str
    ours: Callable[..., Tensor]
    torchs: Callable[..., Tensor]
    held: float | None = None
    shape: tuple[int, ...] = (1, 96, 55, 55)
    given: Callable[[Tensor], tuple[Tensor, ...]] | None = None


CASES = [
    Case("max 3x3/2", lambda x: largest(x, 3, 2), lambda x: F.max_pool2d(x, 3, 2), 5),
    Case(
        "max 3x3/2, 8 images",
        lambda x: largest(x, 3, 2),
        lambda x: F.max_pool2d(x, 3, 2),
        shape=(8, 96, 55, 55),
    ),
    Case(
        "max 3x3/2 with switches",
        lambda x: ops.max_pool2d(x, 3, 2, return_indices=True)[0],
        lambda x: F.max_pool2d(x, 3, 2, return_indices=True)[0],
    ),
    Case("max 2x2/2", lambda x: largest(x, 2, 2), lambda x: F.max_pool2d(x, 2)),
    Case("max 5x5/1", lambda x: largest(x, 5, 1), lambda x: F.max_pool2d(x, 5, 1)),
    Case("average 3x3/2", partial(ops.avg_pool2d, kernel_size=3, stride=2), lambda x: F.avg_pool2d(x, 3, 2)),
    Case("average 5x5/1", partial(ops.avg_pool2d, kernel_size=5, stride=1), lambda x: F.avg_pool2d(x, 5, 1)),
    # Windows side by side: of places that several name PyTorch's unpooling keeps any, and ours has their sum.
    Case(
        "unpool 2x2/2",
        lambda y, at: ops.max_unpool2d(y, at, 2),
        lambda y, at: F.max_unpool2d(y, at, [2, 2]),
        shape=(1, 96, 54, 54),
        given=lambda x: F.max_pool2d(x, 2, return_indices=True),
    ),
    Case("max 3x3x3/2, volume", lambda x: ops.max_pool3d(x, 3, 2), lambda x: F.max_pool3d(x, 3, 2), shape=VOLUME),
    Case(
        "max 2x2x2/2 with switches, volume",
        lambda x: ops.max_pool3d(x, 2, return_indices=True)[0],
        lambda x: F.max_pool3d(x, 2, return_indices=True)[0],
        shape=VOLUME,
    ),
    Case(
        "average 3x3x3/2, volume",
        partial(ops.avg_pool3d, kernel_size=3, stride=2),
        lambda x: F.avg_pool3d(x, 3, 2),
        shape=VOLUME,
    ),
    Case(
        "unpool 2x2x2/2, volume",
        lambda y, at: ops.max_unpool3d(y, at, 2),
        lambda y, at: F.max_unpool3d(y, at, [2, 2, 2]),
        shape=VOLUME,
        given=lambda x: F.max_pool3d(x, 2, return_indices=True),
    ),
    Case("response norm", partial(ops.local_response_norm, size=5), lambda x: F.local_response_norm(x, 5), 8),
]


def operand(shape: tuple[int, ...], layout: str) -> Tensor:
    """Draw an input: for everyone one of his own."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return x.contiguous(memory_format=FORMATS[x.ndim][layout])


def trained(run: Callable[..., Tensor], x: Tensor, *beside: Tensor) -> Tensor:
    """Take the gradient of the output's sum."""
    return torch.autograd.grad(run(x, *beside).sum(), x)[0]


def raced(case: Case, layout: str, *, gradient: bool, threads: int, n: int) -> list[Any]:
    """Give a row of the table."""

    def candidate(run: Callable[..., Tensor], layout: str) -> Callable[[], Tensor]:
        x = operand(case.shape, layout)
        first, *beside = (x,) if case.given is None else case.given(x)
        first.requires_grad_(gradient)
        return partial(trained, run, first, *beside) if gradient else partial(run, first, *beside)

    candidates = {"ours": candidate(case.ours, layout)}
    candidates |= {f"torch {name}": candidate(case.torchs, name) for name in LAYOUTS}
    want = candidates["torch NCHW"]()
    result = compare("pooling", candidates, what=case.name, verify=partial(close, want), n=n, threads=threads)
    better = min((f"torch {name}" for name in LAYOUTS), key=lambda name: result.spread(name).median)
    held = f"{case.held}" if case.held and not gradient else ""
    name = f"{case.name}, and gradient" if gradient else case.name
    return [name, layout, threads, *times(result, better), f"{result.ratio(better, 'ours').median:.2f}", held]


def times(result: Result, other: str) -> list[str]:
    """Write the medians of ours and another."""
    return [milliseconds(result.spread(name).median) for name in ("ours", other)]


def contrasted(layout: str, *, together: bool, threads: int, n: int) -> list[Any]:
    """Give a row of the table of local contrast normalisation."""
    x = operand((1, 96, 55, 55), layout)
    want = ops.local_contrast_norm(x.double(), across=together).float()
    copy = torch.empty_like(x)
    candidates = {
        "ours": partial(ops.local_contrast_norm, x, across=together),
        "copy": lambda: copy.copy_(x),
    }

    def right(found: Tensor) -> bool:
        return found is copy or close(want, found)

    result = compare("pooling", candidates, what="local contrast normalisation", verify=right, n=n, threads=threads)
    passes = result.ratio("ours", "copy").median / PASSES
    maps = "together" if together else "each by itself"
    return [maps, layout, threads, *times(result, "copy"), f"{passes:.2f}", "3"]


def main() -> None:
    """Time every case in both layouts, forward and with the gradient."""
    chosen = asked(n=61)
    for threads in chosen.threads:
        rows = [
            raced(case, layout, gradient=gradient, threads=threads, n=chosen.n)
            for gradient in (False, True)
            for case in CASES
            for layout in LAYOUTS
        ]
        record_rows(
            f"pooling-{threads}",
            "Pooling and response norm of 96 maps of 55x55, and of volumes.",
            COLUMNS,
            rows,
            threads=threads,
        )
        rows = [
            contrasted(layout, together=together, threads=threads, n=chosen.n)
            for together in (True, False)
            for layout in LAYOUTS
        ]
        what = "Local contrast normalisation of 96 maps of 55x55, a window of 9x9."
        record_rows(f"contrast-norm-{threads}", what, CONTRAST_COLUMNS, rows, threads=threads)


if __name__ == "__main__":
    main()
