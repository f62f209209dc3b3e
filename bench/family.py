"""200 convolutions of the whole family drawn at random: what the planner chooses, against the best candidate.

Of sequences, images and volumes, and transposed ones of images. Every
algorithm that takes a problem is forced in turn, the reference left out.

Run: python -m bench.family [--turns 7] [--shapes 200] [--threads 1 2]
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor

from bench.harness import compare, record_rows
from bench.kinds import KINDS
from bench.layers import asked, close, geometric_mean
from striate.engine import algorithms, use
from striate.errors import OptionError

SHAPES, SEED = 200, 1
MOST_MULTIPLY_ADDS, LEAST_MULTIPLY_ADDS = 1e9, 1e5
AXES = {"1d": 1, "2d": 2, "3d": 3, "transposed": 2}
SIZES = {1: (100, 333, 1000, 4000, 16000), 2: (7, 14, 19, 28, 56, 100), 3: (5, 8, 13, 16, 28)}
TAPS = {1: (1, 3, 5, 9, 25, 80, 301), 2: (1, 2, 3, 3, 3, 4, 5, 7, 11, 17), 3: (1, 2, 3, 3, 3, 5)}
COLUMNS = ["threads", "kind", "problems", "within 5 % of the best candidate", "speed-up over PyTorch"]


@dataclass(frozen=True)
class Problem:
    """A convolution without its numbers."""

    kind: str
    input: tuple[int, ...]
    weight: tuple[int, ...]
    settings: dict[str, Any]

    @property
    def output(self) -> tuple[int, ...]:
        """The output's shape; an empty one where the kernel does not fit."""
        with torch.device("meta"):
            try:
                return tuple(
                    KINDS[self.kind][1](torch.empty(self.input), torch.empty(self.weight), **self.settings).shape
                )
            except RuntimeError:
                return (0,)

    @property
    def multiply_adds(self) -> int:
        """As the definition has them."""
        across = self.input if self.kind == "transposed" else self.output
        return prod(self.weight) * across[0] * prod(across[2:])


def problems(count: int = SHAPES) -> list[Problem]:
    """Draw them: the same every time."""
    draw, found = random.Random(SEED), list[Problem]()
    while len(found) < count:
        one = _drawn(draw)
        if min(one.output) > 0 and LEAST_MULTIPLY_ADDS <= one.multiply_adds <= MOST_MULTIPLY_ADDS:
            found.append(one)
    return found


def _drawn(draw: random.Random) -> Problem:
    kind = draw.choice(list(AXES))
    axes = AXES[kind]
    channels, kernels = (draw.choice([1, 3, 8, 16, 20, 32, 64, 100, 128, 256]) for _ in range(2))
    groups = draw.choice([1, 1, 1, 1, 2, 4, 0])
    if groups == 0:
        groups = kernels = channels
    elif groups > 1:
        channels, kernels = (groups * -(-n // groups) for n in (channels, kernels))
    taps, size, stride = draw.choice(TAPS[axes]), draw.choice(SIZES[axes]), draw.choice([1, 1, 1, 2, 2, 4])
    dilation = draw.choice([1, 1, 1, 1, 2])
    settings = {"stride": stride, "padding": draw.randrange(taps // 2 + 1), "groups": groups, "dilation": dilation}
    shape = (draw.choice([1, 1, 2, 8]), channels, *[size] * axes)
    heads = (channels, kernels // groups) if kind == "transposed" else (kernels, channels // groups)
    return Problem(kind, shape, (*heads, *[taps] * axes), settings)


def raced(problem: Problem, *, threads: int, n: int) -> tuple[float, float]:
    """Time one: how many times the best candidate's time it takes, and how many times PyTorch takes its own."""
    torch.set_num_threads(threads)  # what takes a problem depends on them
    generator = torch.Generator().manual_seed(0)
    x, weight = (torch.randn(shape, generator=generator) for shape in (problem.input, problem.weight))
    ours, theirs = (partial(function, x, weight, **problem.settings) for function in KINDS[problem.kind])
    candidates: dict[str, Callable[[], Tensor]] = {"planned": ours, "pytorch": theirs}
    for name in algorithms():
        forced = partial(_forced, name, ours)
        if name != "reference" and _computes(forced):
            candidates[name] = forced
    verify = partial(close, theirs())
    result = compare("family", candidates, what=str(problem), verify=verify, n=n, threads=threads)
    best = min((name for name in candidates if name != "pytorch"), key=lambda name: result.spread(name).median)
    return result.ratio("planned", best).median, result.ratio("pytorch", "planned").median


def _forced(name: str, ours: Callable[[], Tensor]) -> Tensor:
    with use(name):
        return ours()


def _computes(forced: Callable[[], Tensor]) -> bool:
    try:
        forced()
    except OptionError:
        return False
    return True


def main() -> None:
    """Time all of them, with one thread and with two."""
    options = asked(turns=7, shapes=SHAPES)
    rows: list[list[str]] = []
    drawn = problems(options.shapes)
    for threads in options.threads:
        with torch.no_grad():
            found = [(one.kind, *raced(one, threads=threads, n=options.turns)) for one in drawn]
        for kind in (*AXES, "all"):
            of = [(over, up) for its, over, up in found if kind in (its, "all")]
            near = sum(over <= 1.05 for over, _ in of) / len(of)
            cells = [kind, str(len(of)), f"{near:.1%}", f"{geometric_mean([up for _, up in of]):.2f}"]
            rows.append([str(threads), *cells])
    what = f"{options.shapes} random convolutions of the whole family, contiguous; {options.turns} turns."
    record_rows("family", what, COLUMNS, rows, threads=max(options.threads))


if __name__ == "__main__":
    main()
