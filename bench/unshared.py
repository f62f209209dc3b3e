"""Unshared and tiled convolution, and their gradients, against what everybody writes: `unfold`, `einsum`, autograd.

The kernels of an unshared convolution are read once, or written once, so the rate at which that is done is compared
with the rate at which the machine reads memory.

Run: python -m bench.unshared --threads 1 2
"""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.harness import compare, record_rows
from bench.layers import asked, milliseconds
from striate import engine
from striate.ops import tiled_conv2d, unshared_conv2d

CHANNELS, KERNELS, SIZE, TURNS = 32, 64, 24, 2
BATCHES = (1, 8)
OF = ("output", "gradient of the input", "gradient of the kernels")
COLUMNS = [
    "what",
    "batch",
    "unfold + einsum ms",
    "unshared ms",
    "speed-up",
    "% of the rate of reading",
    "held to",
    "tiled ms",
    "speed-up",
    "held to",
]
# By what is computed and the batch: what unshared and what tiled convolution are held to.
HELD = {("output", 1): ("70 %", "6"), ("output", 8): ("4", "6")}


def unfolded(x: Tensor, weight: Tensor, **_: int) -> Tensor:
    """Unfold the whole input, then one product a position."""
    columns = F.unfold(x, 3, padding=1)
    out = torch.einsum("ncl,lkc->nkl", columns, weight.flatten(0, 1).flatten(2))
    return out.unflatten(2, weight.shape[:2])


def candidate(what: str, run: Callable[..., Tensor], x: Tensor, weight: Tensor, arriving: Tensor) -> Callable[[], Any]:
    """Give what is to be timed: of the gradients the backward pass alone."""
    if what == "output":
        return partial(run, x, weight, padding=1)
    of = (x if what == "gradient of the input" else weight).detach().requires_grad_()
    given = (of, weight) if what == "gradient of the input" else (x, of)
    return partial(torch.autograd.grad, run(*given, padding=1), of, arriving, retain_graph=True)


def raced(what: str, batch: int, threads: int, n: int) -> list[Any]:
    """Give a row of the table."""
    generator = torch.Generator().manual_seed(0)
    turns = torch.randn(TURNS, TURNS, KERNELS, CHANNELS, 3, 3, generator=generator)
    # The same kernels for both, so that both have the same answer.
    weight = turns.repeat(SIZE // TURNS, SIZE // TURNS, 1, 1, 1, 1)
    x = torch.randn(batch, CHANNELS, SIZE, SIZE, generator=generator)
    arriving = torch.randn(batch, KERNELS, SIZE, SIZE, generator=generator)
    runs = {
        "unshared": (unshared_conv2d, weight),
        "tiled": (tiled_conv2d, turns),
        "unfolded": (unfolded, weight),
    }
    candidates = {name: candidate(what, run, x, w, arriving) for name, (run, w) in runs.items()}
    want = found(candidates["unfolded"]())

    def right(answer: Any) -> bool:
        answer = found(answer)
        if answer.shape == turns.shape != want.shape:  # gradients of kernels that several positions share
            shared = want.unflatten(1, (-1, TURNS)).unflatten(0, (-1, TURNS)).sum((0, 2))
            return torch.allclose(answer, shared, rtol=1e-3, atol=1e-2)
        return torch.allclose(answer, want, rtol=1e-3, atol=1e-3)

    result = compare("unshared", candidates, what=what, verify=right, n=n, threads=threads)
    rate = 4 * weight.numel() / result.spread("unshared").median / engine.peaks(threads).read_bytes_per_second
    held = HELD.get((what, batch), ("", ""))
    times = {name: milliseconds(result.spread(name).median) for name in candidates}
    over = {name: f"{result.ratio('unfolded', name).median:.2f}" for name in candidates}
    return [
        what,
        batch,
        times["unfolded"],
        times["unshared"],
        over["unshared"],
        f"{100 * rate:.0f}",
        held[0],
        times["tiled"],
        over["tiled"],
        held[1],
    ]


def found(answer: Any) -> Tensor:
    """Give the tensor of an answer, which of gradients is the only one of a tuple."""
    return answer[0] if isinstance(answer, tuple) else answer


def main() -> None:
    """Time batches of 1 and 8, output and gradients."""
    chosen = asked(n=61)
    for threads in chosen.threads:
        record_rows(
            f"unshared-{threads}",
            f"Unshared and tiled (t = {TURNS}) 3x3, {CHANNELS} to {KERNELS} channels, {SIZE}x{SIZE} positions.",
            COLUMNS,
            [raced(what, batch, threads, chosen.n) for what, batch in product(OF, BATCHES)],
            threads=threads,
        )


if __name__ == "__main__":
    main()
