"""Fourier transforms where kernels are large: what the engine is held to, and from which kernel on they are faster.

Both tables are of one image, forward, without gradients. In the second every algorithm that takes a layer is forced in
turn, and PyTorch's better layout is one of them.

Run: python -m bench.fft [--turns 15] [--threads 1 2]
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.harness import compare, record_rows
from bench.layers import FIRST, LAYOUTS, OURS, Layer, affordable, asked, close, milliseconds, operands, race, raced
from striate.engine import conv2d, plan, use
from striate.ops import conv1d

HELD = (
    (Layer(64, 64, (64, 64), (11, 11)), 3.0),
    (Layer(64, 64, (64, 64), (15, 15)), 6.0),
    (Layer(64, 64, (64, 64), (21, 21)), 10.0),
    (Layer(64, 64, (128, 128), (31, 31)), 40.0),
    (Layer(128, 128, (56, 56), (31, 31), groups=128), 1.5),
)
SAMPLES, TAPS, FILTER = 160_000, 8000, 100.0
COLUMNS = ["layer", "engine, ms", "channels_last, ms", "contiguous, ms", "speed-up", "algorithm", "held to"]

SIZE = 64
CHANNELS = ((16, 1), (64, 1), (128, 1), (64, 64))  # and groups
KERNELS = (3, 5, 7, 9, 11, 15, 21, 31)
MOST_MULTIPLY_ADDS = 2e10
FAMILIES = {"direct": ("direct", "depthwise"), "Winograd": ("winograd",), "FFT": ("fft",)}
CROSSOVER = ["channels", "groups", "kernel", *(f"{family}, ms" for family in FAMILIES), "PyTorch, ms", "planner"]


def held(threads: int, n: int) -> list[list[str]]:
    """Race what is held to something; the filter along one axis last."""
    rows: list[list[str]] = []
    for layer, most in HELD:
        found = race("fft", layer, 1, threads=threads, n=n)
        rows.append([*raced(found), _reached(found.speed_up, most)])
    return [*rows, _filtered(threads, n)]


def _filtered(threads: int, n: int) -> list[str]:
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(1, 1, SAMPLES, generator=generator), torch.randn(1, 1, TAPS, generator=generator)
    last = partial(F.conv2d, *(one[:, :, None].contiguous(memory_format=torch.channels_last) for one in (x, weight)))
    candidates: dict[str, Callable[[], Tensor]] = {
        OURS: partial(conv1d, x.clone(), weight.clone()),
        LAYOUTS[0]: lambda: last()[:, :, 0],
        LAYOUTS[1]: partial(F.conv1d, x, weight),
    }
    verify = partial(close, candidates[LAYOUTS[1]]())
    result = compare("fft", candidates, what="a filter", verify=verify, n=min(n, 7), threads=threads)
    times = [milliseconds(result.spread(name).median) for name in (OURS, *LAYOUTS)]
    better = min(LAYOUTS, key=lambda layout: result.spread(layout).median)
    up = result.ratio(better, OURS).median
    return [f"{TAPS} taps 1 @{SAMPLES}", *times, f"{up:.2f}", "fft", _reached(up, FILTER)]


def _reached(up: float, most: float) -> str:
    return f"{most:g} {'reached' if up >= most else 'missed'}"


def crossover(threads: int, n: int) -> list[list[str]]:
    """Time each family of algorithms by kernel size and channels."""
    sizes = ((channels, groups, taps) for channels, groups in CHANNELS for taps in KERNELS)
    return [_crossed(*one, threads, n) for one in sizes]


def _crossed(channels: int, groups: int, taps: int, threads: int, n: int) -> list[str]:
    layer = Layer(channels, channels, (SIZE, SIZE), (taps, taps), groups=groups)
    planned = plan(layer.problem(1), threads=threads)
    able = {c.algorithm: c.seconds for c in planned.candidates if c.seconds is not None}
    x, _ = operands(layer, 1)
    plain_x, weight = operands(layer, 1, FIRST)
    lasts = weight.contiguous(memory_format=torch.channels_last)
    chosen: dict[str, str] = {}
    for family, begin in FAMILIES.items():
        of = [name for name in able if name.startswith(begin)]
        if of and (family == "FFT" or layer.problem(1).multiply_adds <= MOST_MULTIPLY_ADDS):
            chosen[family] = min(of, key=able.__getitem__)
    candidates: dict[str, Callable[[], Tensor]] = {
        family: partial(_forced, name, partial(conv2d, x, weight, **layer.options)) for family, name in chosen.items()
    }
    if layer.problem(1).multiply_adds <= MOST_MULTIPLY_ADDS:
        candidates[LAYOUTS[0]] = partial(F.conv2d, x, lasts, **layer.options)
        candidates[LAYOUTS[1]] = partial(F.conv2d, plain_x, weight, **layer.options)
    verify = partial(close, candidates["FFT"]())
    turns = affordable(n, layer, 1)
    result = compare("crossover", candidates, what=str(layer), verify=verify, n=turns, threads=threads)
    median = {name: result.spread(name).median for name in candidates}
    times = [milliseconds(median[family]) if family in median else "" for family in FAMILIES]
    theirs = [median[layout] for layout in LAYOUTS if layout in median]
    best = milliseconds(min(theirs)) if theirs else ""
    return [str(channels), str(groups), str(taps), *times, best, planned.algorithm]


def _forced(name: str, ours: Callable[[], Tensor]) -> Tensor:
    with use(name):
        return ours()


def main() -> None:
    """Time with one thread and with two."""
    options = asked(turns=15)
    n = options.turns
    with torch.no_grad():
        for threads in options.threads:
            what = f"Large kernels, one image, forward: against PyTorch's better layout; {n} turns."
            record_rows(f"fft-{threads}", what, COLUMNS, held(threads, n), threads=threads)
            what = f"Square kernels, {SIZE}x{SIZE} positions, one image, forward: each kind of algorithm; {n} turns."
            record_rows(f"crossover-{threads}", what, CROSSOVER, crossover(threads, n), threads=threads)


if __name__ == "__main__":
    main()
