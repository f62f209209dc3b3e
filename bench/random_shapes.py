"""200 convolutions drawn at random: what the estimate chooses, against the best candidate and against PyTorch.

Every candidate that accepts the problem is forced in turn, the reference
left out; all of them and PyTorch's two layouts take turns.

Run: python -m bench.random_shapes [--turns 9] [--shapes 200] [--threads 1 2]
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.harness import Result, compare, record_rows
from bench.layers import FIRST, LAYOUTS, OURS, Layer, affordable, asked, close, operands
from striate.engine import conv2d, plan, use

SHAPES, SEED = 200, 0
MOST_MULTIPLY_ADDS, LEAST_MULTIPLY_ADDS = 2e9, 1e5
COLUMNS = ["threads", "at least 0.95 of PyTorch", "least", "within 5 % of the best candidate", "geometric mean"]
WORST = ["problem", "chosen", "best", "chosen / best, time", "speed-up over PyTorch"]


@dataclass(frozen=True)
class Drawn:
    """What was found for one shape: the speed-up over PyTorch, and how many times the best candidate's time it took."""

    problem: str
    chosen: str
    best: str
    over_best: float
    speed_up: float


def shapes() -> list[tuple[Layer, int]]:
    """Draw layers and batches: the same every time."""
    draw, found = random.Random(SEED), list[tuple[Layer, int]]()
    while len(found) < SHAPES:
        layer, batch = _shape(draw), draw.choice([1, 1, 2, 3, 8])
        try:
            work = layer.problem(batch).multiply_adds
        except (ValueError, MemoryError):  # the kernel is larger than the image
            continue
        if LEAST_MULTIPLY_ADDS <= work <= MOST_MULTIPLY_ADDS and min(layer.problem(batch).output) > 0:
            found.append((layer, batch))
    return found


def _shape(draw: random.Random) -> Layer:
    taps = draw.choice([1, 1, 2, 3, 3, 3, 3, 4, 5, 5, 7, 9, 11])
    groups = draw.choice([1, 1, 1, 1, 2, 4, 32, 0])
    channels = draw.choice([1, 3, 8, 17, 24, 32, 50, 64, 100, 128, 255, 256, 512])
    kernels = draw.choice([1, 10, 16, 24, 33, 64, 96, 128, 200, 256, 512])
    if groups == 0:
        groups = kernels = channels
    elif groups > 1:
        channels, kernels = groups * -(-channels // groups), groups * -(-kernels // groups)
    size = draw.choice([5, 7, 13, 14, 17, 27, 28, 31, 56, 57, 112])
    wide = size if draw.random() < 0.7 else draw.choice([9, 20, 41, 64])
    dilation = draw.choice([1, 1, 1, 1, 1, 2, 3])
    across = taps if draw.random() < 0.8 else draw.choice([1, 3, 5])
    padding = (draw.randrange(taps // 2 + 1), draw.randrange(across // 2 + 1))
    stride = draw.choice([1, 1, 1, 1, 2, 2, 3])
    if dilation * (taps - 1) >= size or dilation * (across - 1) >= wide:
        dilation = 1
    return Layer(channels, kernels, (size, wide), (taps, across), stride, padding, dilation, groups)


def drawn(layer: Layer, batch: int, *, threads: int, n: int) -> Drawn:
    """Time one."""
    planned = plan(layer.problem(batch), threads=threads)
    able = [c.algorithm for c in planned.candidates if c.seconds is not None and c.algorithm not in ("reference",)]
    x, _ = operands(layer, batch)
    plain_x, weight = operands(layer, batch, FIRST)
    lasts = weight.contiguous(memory_format=torch.channels_last)
    ours = partial(conv2d, x, weight, **layer.options)
    candidates: dict[str, Callable[[], Any]] = {
        OURS: ours,
        LAYOUTS[0]: partial(F.conv2d, x, lasts, **layer.options),
        LAYOUTS[1]: partial(F.conv2d, plain_x, weight, **layer.options),
        **{name: partial(_forced, name, ours) for name in able if name != "torch"},
    }
    verify = partial(close, candidates[LAYOUTS[1]]())
    result = compare(
        "random-shapes", candidates, what=str(layer), verify=verify, n=affordable(n, layer, batch), threads=threads
    )
    best = min((OURS, *(name for name in candidates if name not in LAYOUTS)), key=lambda c: result.spread(c).median)
    better = min(LAYOUTS, key=lambda c: result.spread(c).median)
    return Drawn(str(layer.problem(batch)), planned.algorithm, best, *_ratios(result, best, better))


def _forced(name: str, ours: Callable[[], Tensor]) -> Tensor:
    with use(name):
        return ours()


def _ratios(result: Result, best: str, better: str) -> tuple[float, float]:
    return result.ratio(OURS, best).median, result.ratio(better, OURS).median


def main() -> None:
    """Time all of them, with one thread and with two."""
    options = asked(turns=9, shapes=SHAPES)
    n = options.turns
    rows: list[list[str]] = []
    for threads in options.threads:
        with torch.no_grad():
            found = [drawn(layer, batch, threads=threads, n=n) for layer, batch in shapes()[: options.shapes]]
        rows.append([str(threads), *_summary(found)])
        worst = sorted(found, key=lambda one: one.speed_up)[:10]
        cells = [[d.problem, d.chosen, d.best, f"{d.over_best:.2f}", f"{d.speed_up:.2f}"] for d in worst]
        what = f"The ten of {len(found)} random shapes that lose most to PyTorch's better layout; {n} turns."
        record_rows(f"random-worst-{threads}", what, WORST, cells, threads=threads)
    what = (
        f"{options.shapes} random shapes, what the estimate chooses: speed-up over PyTorch's better layout; {n} turns."
    )
    record_rows("random-shapes", what, COLUMNS, rows, threads=2)


def _summary(found: list[Drawn]) -> list[str]:
    ups = [one.speed_up for one in found]
    well = sum(up >= 0.95 for up in ups) / len(ups)
    near = sum(one.over_best <= 1.05 for one in found) / len(found)
    mean = torch.tensor(ups, dtype=torch.float64).log().mean().exp().item()
    return [f"{well:.1%}", f"{min(ups):.2f}", f"{near:.1%}", f"{mean:.2f}"]


if __name__ == "__main__":
    main()
