"""Whole networks as programs, against every other way to run them that is installed.

Each rival's answer is held against the model's first. Ratios are against the fastest rival of each row.

Run: python -m bench.compile [--turns 15] [--batches 1 8] [--threads 1 2] [--networks resnet50]
"""

import argparse
import math
import statistics
import sys

import numpy as np
import torch
from torch import nn

from bench.harness import Result, compare, record_rows
from bench.rivals import RIVALS, Run, rivals
from striate import models
from striate.compile.capture import capture
from striate.compile.passes import simplified
from striate.compile.program import Program
from striate.compile.tuning import tune
from striate.nn import LocalResponseNorm

__all__ = ["NETWORKS", "main"]

NETWORKS = {"resnet18": 224, "resnet34": 224, "resnet50": 224, "vgg16": 224, "alexnet": 227, "zfnet": 224}
"""With the size of their images."""

# Of the largest number. Rivals use larger tiles of Winograd's than ours do by default, and lose more by them.
_TOLERANCE = 1e-2

_VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)  # 0 is a pooling


def network(name: str) -> nn.Module:
    """Make a network with weights that are drawn, in evaluation mode."""
    torch.manual_seed(0)
    model = _vgg16() if name == "vgg16" else models.create(name)
    for module in list(model.modules()):
        for place, child in module.named_children():
            if isinstance(child, LocalResponseNorm):  # as PyTorch writes it, which rivals know
                alpha = child.alpha * (child.size if child.scale == "sum" else 1)
                setattr(module, place, nn.LocalResponseNorm(child.size, alpha, child.beta, child.k))
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.weight, 0.5, 1.0)
    return model.eval()


def _vgg16() -> nn.Module:
    """Simonyan and Zisserman, 2015, configuration D."""
    layers: list[nn.Module] = []
    channels = 3
    for width in _VGG16:
        if width:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        else:
            layers.append(nn.MaxPool2d(2))
    head = [nn.Linear(25088, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000)]
    return nn.Sequential(*layers, nn.Flatten(), *head)


def timed(name: str, batch: int, threads: int, turns: int, seconds: float) -> Result:
    """Time one network by turns against its rivals; those that are wrong, or fail, are left out, and it is said."""
    model, size = network(name), NETWORKS[name]
    x = torch.randn((batch, 3, size, size), generator=torch.Generator().manual_seed(0))
    torch.set_num_threads(threads)
    with torch.no_grad():
        want = model(x).numpy()
        program = Program(simplified(capture(model, x)))
        if seconds:
            tune(program, [x], seconds)
        ready, left_out = rivals(model, x, threads)

        def right(answer: np.ndarray) -> bool:
            return float(np.abs(answer.reshape(want.shape) - want).max()) < _TOLERANCE * float(np.abs(want).max())

        calls: dict[str, Run] = {"striate": lambda: program(x).numpy()}
        for each, run in ready.items():
            try:
                reason = "" if right(run()) else "its answer is wrong"
            except Exception as error:  # whatever others raise
                reason = f"{type(error).__name__}: {str(error)[:200]}"
            if reason:
                left_out[each] = reason
            else:
                calls[each] = run
        for each, reason in left_out.items():
            print(f"{name} without {each}: {reason}", file=sys.stderr, flush=True)
        return compare(f"compile-{name}", calls, what=name, verify=right, n=turns, threads=threads)


def main() -> None:
    """Time the networks, batch by batch, with one thread and with two."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--tune", type=float, default=0.0, help="seconds for each")
    asked = parser.parse_args()
    for threads in asked.threads:
        for batch in asked.batches:
            rows: list[list[str]] = []
            ratios: list[tuple[float, float]] = []
            for name in asked.networks:
                result = timed(name, batch, threads, asked.turns, asked.tune)
                row, found = _row(name, result)
                rows.append(row)
                ratios.append(found)
                print(" ".join(row), file=sys.stderr, flush=True)
            means = [f"{math.exp(statistics.fmean(map(math.log, one))):.2f}" for one in zip(*ratios, strict=True)]
            rows.append(["geometric mean", *[""] * (len(RIVALS) + 2), *means])
            columns = ["milliseconds", "striate", *RIVALS, "fastest rival", "times as fast", "as PyTorch"]
            what = (
                f"Whole networks, batch {batch}, medians of {asked.turns} turns; a rival that is missing has no time."
            )
            record_rows(f"compile-{batch}-{threads}", what, columns, rows, threads=threads)


def _row(name: str, result: Result) -> tuple[list[str], tuple[float, float]]:
    """Write a network's times; and how many times as long the fastest rival takes, and PyTorch in its better layout."""
    medians = {each: statistics.median(seconds) for each, seconds in result.seconds.items()}
    best = min((each for each in RIVALS if each in medians), key=medians.__getitem__)
    eager = min((each for each in RIVALS if each in medians and each.startswith("PyTorch")), key=medians.__getitem__)
    ratios = result.ratio(best, "striate").median, result.ratio(eager, "striate").median
    times = [f"{medians[each] * 1e3:.1f}" if each in medians else "" for each in ("striate", *RIVALS)]
    return [name, *times, best, *(f"{ratio:.2f}" for ratio in ratios)], ratios


if __name__ == "__main__":
    main()
