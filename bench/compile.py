"""Whole networks as programs, against every other way to run them that is installed.

Each rival's answer is held against the model's first. Ratios are against the fastest rival of each row.

Run: python -m bench.compile [--turns 15] [--batches 1 8] [--threads 1 2] [--networks resnet50]
"""

import argparse
import math
import statistics
import sys
from typing import get_args

import torch
from torch import nn

from bench.harness import record_rows
from striate import compile, models  # noqa: A004 - it is what PyTorch calls it
from striate.engine.choice import Accuracy
from striate.rivals.plain import plain
from striate.rivals.race import OURS, Race, race
from striate.rivals.ready import RIVALS

__all__ = ["NETWORKS", "main"]

NETWORKS = {"resnet18": 224, "resnet34": 224, "resnet50": 224, "vgg16": 224, "alexnet": 227, "zfnet": 224}
"""With the size of their images."""

_VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)  # 0 is a pooling


def network(name: str) -> nn.Module:
    """Make a network with weights that are drawn, in evaluation mode."""
    torch.manual_seed(0)
    model = _vgg16() if name == "vgg16" else plain(models.create(name))
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


def timed(name: str, batch: int, threads: int, turns: int, seconds: float, accuracy: Accuracy) -> Race:
    """Time one network by turns against its rivals; those that are wrong, or fail, are left out, and it is said."""
    model, size = network(name), NETWORKS[name]
    x = torch.randn((batch, 3, size, size), generator=torch.Generator().manual_seed(0))
    torch.set_num_threads(threads)
    found = race(compile(model, x, tune=seconds, accuracy=accuracy), model, x, turns=turns)
    for each, reason in found.left_out.items():
        print(f"{name} without {each}: {reason}", file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Time the networks, batch by batch, with one thread and with two."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--tune", type=float, default=0.0, help="seconds for each")
    parser.add_argument("--accuracy", choices=get_args(Accuracy), default="default")
    asked = parser.parse_args()
    for threads in asked.threads:
        for batch in asked.batches:
            rows: list[list[str]] = []
            ratios: list[tuple[float, float]] = []
            for name in asked.networks:
                result = timed(name, batch, threads, asked.turns, asked.tune, asked.accuracy)
                row, found = _row(name, result)
                rows.append(row)
                ratios.append(found)
                print(" ".join(row), file=sys.stderr, flush=True)
            means = [f"{math.exp(statistics.fmean(map(math.log, one))):.2f}" for one in zip(*ratios, strict=True)]
            rows.append(["geometric mean", *[""] * (len(RIVALS) + 2), *means, "", ""])
            figures = ["times as fast", "as PyTorch", "error", "its error"]
            columns = ["milliseconds", "striate", *RIVALS, "fastest rival", *figures]
            rounds = "" if asked.accuracy == "default" else f', accuracy="{asked.accuracy}"'
            what = (
                f"Whole networks, batch {batch}{rounds}, medians of {asked.turns} turns; a rival that is missing has "
                "no time. Errors are Striate's and the fastest rival's, against 64 bits: millionths of the answer."
            )
            kind = "" if asked.accuracy == "default" else f"{asked.accuracy}-"
            record_rows(f"compile-{kind}{batch}-{threads}", what, columns, rows, threads=threads)


def _row(name: str, found: Race) -> tuple[list[str], tuple[float, float]]:
    """Write a network's times; and how many times as long the fastest rival takes, and PyTorch in its better layout."""
    best, eager = found.fastest or "", found.pytorch or ""
    ratios = found.ratio(best), found.ratio(eager)
    times = [f"{found.median(each) * 1e3:.1f}" if each in found.seconds else "" for each in (OURS, *RIVALS)]
    errors = [f"{found.errors[each] * 1e6:.2f}" for each in (OURS, best)]
    return [name, *times, best, *(f"{ratio:.2f}" for ratio in ratios), *errors], ratios


if __name__ == "__main__":
    main()
