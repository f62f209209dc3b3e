"""Other kinds of convolution, against PyTorch in its better layout.

Of volumes and sequences, full, transposed, of doubles.

One call forward, without gradients.

Run: python -m bench.kinds [--turns 15] [--threads 1 2]
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.harness import compare, record_rows
from bench.layers import asked, close, milliseconds
from striate import ops

OURS, LAST, FIRST = "engine", "channels_last", "contiguous"
COLUMNS = ["convolution", "engine, ms", "channels_last, ms", "contiguous, ms", "speed-up", "held to"]


class Case(NamedTuple):
    """One convolution, and the speed-up that it is held to."""

    kind: str

    name: str
    input: tuple[int, ...]
    weight: tuple[int, ...]
    settings: dict[str, Any]
    most: float | None = None
    dtype: torch.dtype = torch.float32


CASES = (
    Case("1d", "80 taps /4, 1 to 64 @16000, batch 8", (8, 1, 16000), (64, 1, 80), {"stride": 4}, 1.2),
    Case("1d", "3 taps, 64 @4000, batch 8", (8, 64, 4000), (64, 64, 3), {"padding": 1}),
    Case("3d", "3x3x3, 32 @16x56x56", (1, 32, 16, 56, 56), (32, 32, 3, 3, 3), {"padding": 1}, 1.8),
    Case("3d", "3x3x3, 64 @8x28x28", (1, 64, 8, 28, 28), (64, 64, 3, 3, 3), {"padding": 1}),
    Case(
        "3d", "3x3x3, 32 @16x56x56, depthwise", (1, 32, 16, 56, 56), (32, 1, 3, 3, 3), {"padding": 1, "groups": 32}, 5.0
    ),
    Case("3d", "3x3x3 /2, 32 to 64 @16x56x56", (1, 32, 16, 56, 56), (64, 32, 3, 3, 3), {"padding": 1, "stride": 2}),
    Case("3d", "1x1x1, 64 to 128 @16x28x28", (1, 64, 16, 28, 28), (128, 64, 1, 1, 1), {}),
    Case("2d", "3x3 full, 64 @56", (1, 64, 56, 56), (64, 64, 3, 3), {"padding": 2}, 2.5),
    Case("2d", "3x3 of doubles, 64 @56", (1, 64, 56, 56), (64, 64, 3, 3), {"padding": 1}, 1.6, torch.float64),
    Case("transposed", "4x4 /2 transposed, 64 @28", (1, 64, 28, 28), (64, 64, 4, 4), {"stride": 2, "padding": 1}, 1.3),
    Case("transposed", "2x2 /2 transposed, 64 @56", (1, 64, 56, 56), (64, 64, 2, 2), {"stride": 2}),
)
Function = Callable[..., Tensor]
KINDS: dict[str, tuple[Function, Function]] = {  # ours and PyTorch's
    "1d": (ops.conv1d, F.conv1d),
    "2d": (ops.conv2d, F.conv2d),
    "3d": (ops.conv3d, F.conv3d),
    "transposed": (ops.conv_transpose2d, F.conv_transpose2d),
}
LASTS = {4: torch.channels_last, 5: torch.channels_last_3d}


def forward(case: Case, threads: int, n: int) -> list[str]:
    """Race one convolution; ours has the layout of the input in which it is faster, as theirs has."""
    generator = torch.Generator().manual_seed(0)
    x, weight = (torch.randn(shape, generator=generator, dtype=case.dtype) for shape in (case.input, case.weight))
    (our, their), both = KINDS[case.kind], [(x, weight)]
    if x.dim() in LASTS:
        last = LASTS[x.dim()]
        both.append((x.contiguous(memory_format=last), weight.contiguous(memory_format=last)))
    theirs = {name: partial(their, *given, **case.settings) for name, given in zip((FIRST, LAST), both, strict=False)}
    ours = {
        f"{OURS}, {name}": partial(our, given[0].clone(), weight.clone(), **case.settings)
        for name, given in zip((FIRST, LAST), both, strict=False)
    }
    result = compare(
        "kinds", {**ours, **theirs}, what=case.name, verify=partial(close, theirs[FIRST]()), n=n, threads=threads
    )
    median = {name: result.spread(name).median for name in (*ours, *theirs)}
    best, better = (min(names, key=median.__getitem__) for names in (ours, theirs))
    up = result.ratio(better, best).median
    cells = [milliseconds(median[name]) if name in median else "" for name in (best, LAST, FIRST)]
    held = "" if case.most is None else f"{case.most:g} {'reached' if up >= case.most else 'missed'}"
    return [case.name, *cells, f"{up:.2f}", held]


def main() -> None:
    """Time with one thread and with two."""
    options = asked(turns=15)
    with torch.no_grad():
        for threads in options.threads:
            rows = [forward(case, threads, options.turns) for case in CASES]
            what = f"Other kinds of convolution, forward: against PyTorch's better layout; {options.turns} turns."
            record_rows(f"kinds-{threads}", what, COLUMNS, rows, threads=threads)


if __name__ == "__main__":
    main()
