"""Whole networks as programs, against every other way to run them that is installed.

Each rival's answer is held against the model's first. Ratios are against the fastest rival of each row.

Run: python -m bench.compile [--turns 15] [--batches 1 8] [--threads 1 2] [--networks resnet50]
"""

import argparse
import math
import statistics
import sys
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from bench.harness import Result, compare, record_rows
from bench.rivals import installed, rival
from striate import models
from striate.compile.capture import capture
from striate.compile.passes import simplified
from striate.compile.program import Program
from striate.compile.tuning import tune

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


def timed(name: str, batch: int, threads: int, turns: int, seconds: float, rivals: Sequence[str]) -> Result:
    """Time one network by turns against its rivals."""
    model, size = network(name), NETWORKS[name]
    x = torch.randn((batch, 3, size, size), generator=torch.Generator().manual_seed(0))
    last = x.contiguous(memory_format=torch.channels_last)
    torch.set_num_threads(threads)
    with torch.no_grad():
        want = model(x)
        program = Program(simplified(capture(model, x)))
        if seconds:
            tune(program, [x], seconds)
        model = model.to(memory_format=torch.channels_last)
        found = {each: rival(each, model, last, threads) for each in rivals}
        largest = float(want.abs().max())

        def error(answer: Tensor) -> float:
            return float((answer.reshape(want.shape) - want).abs().max()) / largest

        def right(answer: Tensor) -> bool:
            return error(answer) < _TOLERANCE

        calls: dict[str, Callable[[], Tensor]] = {"striate": lambda: program(x)}
        for each, call in found.items():
            if call and right(call()):
                calls[each] = call
            elif call:
                print(f"{each}: {name} is wrong by {error(call()):.1e} of the largest number", file=sys.stderr)
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
    rivals, missing = installed()
    for threads in asked.threads:
        for batch in asked.batches:
            rows, ratios = [], []
            for name in asked.networks:
                result = timed(name, batch, threads, asked.turns, asked.tune, rivals)
                medians = {each: statistics.median(result.seconds[each]) for each in result.seconds}
                best = min((each for each in rivals if each in medians), key=medians.__getitem__)
                ratios.append((result.ratio(best, "striate").median, result.ratio("PyTorch", "striate").median))
                times = [f"{medians[each] * 1e3:.1f}" if each in medians else "" for each in ("striate", *rivals)]
                rows.append([name, *times, best, f"{ratios[-1][0]:.2f}", f"{ratios[-1][1]:.2f}"])
                print(" ".join(rows[-1]), file=sys.stderr, flush=True)
            means = [f"{math.exp(statistics.fmean(map(math.log, one))):.2f}" for one in zip(*ratios, strict=True)]
            rows.append(["geometric mean", *[""] * (len(rivals) + 2), *means])
            columns = ["network, ms", "striate", *rivals, "fastest rival", "times as fast", "as PyTorch"]
            absent = f" Not installed there: {', '.join(missing)}." if missing else ""
            what = f"Whole networks, batch {batch}, {asked.turns} turns.{absent}"
            record_rows(f"compile-{batch}-{threads}", what, columns, rows, threads=threads)


if __name__ == "__main__":
    main()
