"""Eight Python threads that share one program, against the same runs in turn; and whether many runs leak.

Answers are held against those in turn, bit by bit.

Run: python -m bench.program_threads [--turns 9] [--threads 1 2]
"""

import argparse
import sys
import threading
from pathlib import Path

import torch
from torch import Tensor

from bench.compile import network
from bench.harness import compare, record_rows
from striate import compile  # noqa: A004 - it is what PyTorch calls it
from striate.compile.program import Program
from striate.errors import StriateError

__all__ = ["main"]

CALLERS = 8
RUNS = {64: 8, 224: 2}
"""Of each caller, by the size of the image."""


def _in_turn(program: Program, images: list[Tensor], runs: int) -> list[Tensor]:
    return [[program(image) for _ in range(runs)][-1] for image in images]


def _at_once(program: Program, images: list[Tensor], runs: int) -> list[Tensor]:
    found: dict[int, Tensor] = {}

    def call(place: int) -> None:
        for _ in range(runs):
            found[place] = program(images[place])

    callers = [threading.Thread(target=call, args=(place,)) for place in range(len(images))]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return [found[place] for place in range(len(images))]


def throughput(size: int, threads: int, turns: int) -> list[str]:
    """Time one size of ResNet-18, each run on so many threads."""
    torch.set_num_threads(threads)
    generator = torch.Generator().manual_seed(0)
    images = [torch.randn((1, 3, size, size), generator=generator) for _ in range(CALLERS)]
    program, runs = compile(network("resnet18"), images[0]), RUNS[size]
    want = _in_turn(program, images, 1)
    result = compare(
        "threads",
        {
            "at once": lambda: _at_once(program, images, runs),
            "in turn": lambda: _in_turn(program, images, runs),
        },
        what="",
        verify=lambda got: all(map(torch.equal, got, want)),
        n=turns,
        threads=threads,
    )
    rates = [f"{CALLERS * runs / result.spread(way).median:.1f}" for way in ("at once", "in turn")]
    return [
        f"{size}x{size}, {threads} thread{'s' * (threads > 1)} a run",
        *rates,
        f"{result.ratio('in turn', 'at once').median:.2f}",
    ]


def resident() -> int:
    """Give the bytes of memory that this process has now."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def leak(runs: int = 10_000, from_: int = 100) -> int:
    """Run a small network at several sizes; give the bytes that the process has grown by between two runs."""
    torch.set_num_threads(1)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1))
    program = compile(model.eval(), torch.zeros(1, 3, 16, 16))
    images = [torch.randn(count, 3, size, size + 4) for count in (1, 3) for size in (16, 24, 33)]
    before = 0
    for run in range(runs):
        if run == from_:
            before = resident()
        program(images[run % len(images)])
    grown = resident() - before
    if grown > 1 << 20:
        raise StriateError("program_threads: runs leak.", "Find what keeps it.", runs=runs, grown_bytes=grown)
    return grown


def main() -> None:
    """Time both sizes, on one thread and on two."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="of a run")
    asked = parser.parse_args()
    grown = leak()
    rows: list[list[str]] = []
    for threads in asked.threads:
        for size in RUNS:
            rows.append(throughput(size, threads, asked.turns))
            print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    what = (
        f"ResNet-18, images a second: {CALLERS} Python threads that share one program, against the same runs in turn. "
        f"10,000 runs of a small network at six sizes: {grown / 1024:.0f} KiB more after the last than after the 100th."
    )
    record_rows("program-threads", what, ["", "at once", "in turn", "times as many"], rows, threads=max(asked.threads))


if __name__ == "__main__":
    main()
