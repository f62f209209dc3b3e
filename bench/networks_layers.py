"""Every convolution layer of six networks at batch 1, forward: the engine against PyTorch in its better layout.

Layers that are alike are timed once; the means count them as often as they occur.

Run: python -m bench.networks_layers [--turns 20] [--threads 1 2]
"""

import math
from collections import Counter

from bench.harness import record_rows
from bench.layers import NETWORKS, Raced, asked, geometric_mean, layers_of, milliseconds, race, raced

LAYERS = ["network", "times", "layer", "engine, ms", "channels_last, ms", "contiguous, ms", "speed-up", "algorithm"]
RATES = ["operations per byte", "engine, GFLOP/s", "PyTorch, GFLOP/s"]
SUMS = ["network", "layers", "engine, ms", "PyTorch, ms", "in all", "geometric mean", "least", "at"]


def main() -> None:
    """Time each layer with one thread and with two."""
    options = asked(turns=20)
    n = options.turns
    for threads in options.threads:
        known: dict[str, Raced] = {}
        rows: list[list[str]] = []
        sums: list[list[str]] = []
        every: list[float] = []
        for network in NETWORKS:
            layers = layers_of(network)
            for layer, times in Counter(layers).items():
                key = str(layer)
                known[key] = known.get(key) or race("networks-layers", layer, 1, threads=threads, n=n)
                rows.append([network, str(times), *raced(known[key]), *_rates(known[key])])
            found = [known[str(layer)] for layer in layers]
            every += [one.speed_up for one in found]
            sums.append([network, *_sum(found)])
        sums.append(["all", str(len(every)), "", "", "", f"{geometric_mean(every):.2f}", f"{min(every):.2f}", ""])
        about = f"of six networks, forward, batch 1: against PyTorch's better layout; {n} turns"
        record_rows(f"layers-{threads}", f"Each convolution layer {about}.", [*LAYERS, *RATES], rows, threads=threads)
        record_rows(f"networks-{threads}", f"All convolution layers {about}.", SUMS, sums, threads=threads)


def _rates(one: Raced) -> list[str]:
    """Say where the layer stands under the roofs: operations as the definition counts them, each tensor moved once."""
    problem = one.layer.problem(1)
    numbers = sum(math.prod(sizes) for sizes in (problem.input, problem.output, problem.weight))
    operations = 2 * problem.multiply_adds
    times = (one.result.spread(name).median for name in ("engine", one.better))
    return [f"{operations / numbers / 4:.3g}", *(f"{operations / seconds / 1e9:.3g}" for seconds in times)]


def _sum(found: list[Raced]) -> list[str]:
    ours = sum(one.result.spread("engine").median for one in found)
    theirs = sum(one.result.spread(one.better).median for one in found)
    least = min(found, key=lambda one: one.speed_up)
    ratios = [one.speed_up for one in found]
    return [
        str(len(found)),
        milliseconds(ours),
        milliseconds(theirs),
        f"{theirs / ours:.2f}",
        f"{geometric_mean(ratios):.2f}",
        f"{least.speed_up:.2f}",
        str(least.layer),
    ]


if __name__ == "__main__":
    main()
