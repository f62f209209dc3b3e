"""Gradients of convolution layers at batch 8: the engine against PyTorch in its better layout.

What is timed is `torch.autograd.grad` of one forward pass that was done before, with respect to the input or to the
weight; for ours that pass is `engine.conv2d`, for PyTorch's `torch.nn.functional.conv2d`. The weight does not
change between turns, so ours prepares it once; bench/training_step.py times steps in which it does.

Run: python -m bench.gradients [--turns 15] [--layers 28] [--threads 1 2]
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.harness import Result, compare, record_rows
from bench.layers import (
    FIRST,
    LAST,
    LAYOUTS,
    NAMED,
    OURS,
    Layer,
    affordable,
    asked,
    close,
    geometric_mean,
    milliseconds,
    operands,
)
from striate.engine import conv2d

BATCH = 8
COLUMNS = ["layer", "gradient of", "engine, ms", "channels_last, ms", "contiguous, ms", "speed-up", "held to"]
HELD = {("3x3", "input"): 2.5, ("3x3", "weight"): 2.5, ("1x1", "input"): 1.4, ("1x1", "weight"): 1.4}
LEAST = 0.97


def backward(layer: Layer, of: str, layout: torch.memory_format, convolve: Callable[..., Tensor]) -> Callable[[], Any]:
    """Go forward once, and give a function that goes back."""
    x, weight = operands(layer, BATCH, layout)
    weight = weight if convolve is F.conv2d else weight.contiguous()
    wanted = {"input": x, "weight": weight}[of].requires_grad_()
    y = convolve(x, weight, **layer.options)
    seed = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).contiguous(memory_format=layout)

    def back() -> Tensor:
        return torch.autograd.grad(y, wanted, seed, retain_graph=True)[0]

    return back


def timed(layer: Layer, of: str, *, threads: int, n: int) -> Result:
    """Time one gradient three ways."""
    torch.set_num_threads(threads)  # before the pass forward, which plans the one back
    candidates = {
        OURS: backward(layer, of, LAST, conv2d),
        LAYOUTS[0]: backward(layer, of, LAST, F.conv2d),
        LAYOUTS[1]: backward(layer, of, FIRST, F.conv2d),
    }
    verify = partial(close, candidates[LAYOUTS[1]]())
    return compare(
        "gradients", candidates, what=f"{layer}, {of}", verify=verify, n=affordable(n, layer, BATCH), threads=threads
    )


def main() -> None:
    """Time the gradients of every named layer, with one thread and with two."""
    options = asked(turns=15, layers=len(NAMED))
    n = options.turns
    for threads in options.threads:
        rows: list[list[str]] = []
        ratios: dict[tuple[str, str], list[float]] = {}
        for layer in NAMED[: options.layers]:
            for of in ("input", "weight") if layer.channels > 3 else ("weight",):
                result = timed(layer, of, threads=threads, n=n)
                better = min(LAYOUTS, key=lambda c, r=result: r.spread(c).median)
                up = result.ratio(better, OURS).median
                ratios.setdefault((layer.kind, of), []).append(up)
                wanted = HELD.get((layer.kind, of), LEAST)
                times = [milliseconds(result.spread(c).median) for c in (OURS, *LAYOUTS)]
                rows.append(
                    [str(layer), of, *times, f"{up:.2f}", f"{wanted} {'reached' if up >= wanted else 'missed'}"]
                )
        for (kind, of), ups in ratios.items():
            if len(ups) > 1:
                rows.append([f"{kind}: geometric mean", of, "", "", "", f"{geometric_mean(ups):.2f}", ""])
        what = f"Gradients of convolution layers, batch {BATCH}: against PyTorch's better layout; {n} turns."
        record_rows(f"gradients-{threads}", what, COLUMNS, rows, threads=threads)


if __name__ == "__main__":
    main()
