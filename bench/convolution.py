"""The named layers of convolution, forward: the engine against PyTorch in its better layout.

Run: python -m bench.convolution [--turns 30] [--threads 1 2]
"""

from itertools import product

from bench.harness import record_rows
from bench.layers import LAYOUTS, NAMED, Raced, asked, geometric_mean, race, raced

COLUMNS = [
    "layer",
    "engine, ms",
    "channels_last, ms",
    "contiguous, ms",
    "speed-up",
    "algorithm",
    "over each",
    "held to",
]


def main() -> None:
    """Time batches of 1 and 8 with one thread and with two."""
    options = asked(turns=30)
    n = options.turns
    for batch, threads in product((1, 8), options.threads):
        found = [race("convolution", layer, batch, threads=threads, n=n) for layer in NAMED]
        rows = [[*raced(one), *_held(one, batch)] for one in found]
        for kind in dict.fromkeys(layer.kind for layer in NAMED):
            ratios = [one.speed_up for one in found if one.layer.kind == kind]
            if len(ratios) > 1:
                rows.append([f"{kind}: geometric mean", "", "", "", f"{geometric_mean(ratios):.2f}", "", "", ""])
        what = f"Convolution layers, forward, batch {batch}: against PyTorch's better layout; {n} turns."
        record_rows(f"convolution-{batch}-{threads}", what, COLUMNS, rows, threads=threads)


def _held(one: Raced, batch: int) -> list[str]:
    over = " / ".join(f"{one.over(layout):.2f}" for layout in LAYOUTS)
    asked = one.layer.held[batch > 1]
    return [over, "" if asked is None else f"{asked} {'reached' if one.speed_up >= asked else 'missed'}"]


if __name__ == "__main__":
    main()
