"""Two networks learn to read 1,797 handwritten digits, with three seeds each, and are judged on held-out ones.

Run: python examples/01_digits.py [--seeds 3] [--epochs 0] [--out runs]      (epochs 0: as many as the recipe says)
"""

import argparse
import time
from pathlib import Path

import striate

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--epochs", type=int, default=0)
parser.add_argument("--out", type=Path, default=Path("runs"))
options = parser.parse_args()
changes = {"epochs": options.epochs} if options.epochs else {}

began = time.monotonic()
judged = []
for model in ("lenet5", "resnet20"):
    for seed in range(options.seeds):
        print(f"\n{model}, seed {seed}", flush=True)
        run = striate.train("digits", model=model, seed=seed, out=options.out / "demo", **changes)
        judged.append((model, seed, striate.evaluate(run)))

print(f"\n{'network':10} {'seed':>4} {'accuracy':>9} {'macro F1':>9} {'calibration error':>18}   report")
for model, seed, found in judged:
    metrics = found.metrics
    scores = f"{metrics.accuracy:9.2%} {metrics.macro.f1:9.4f} {metrics.calibration_error:18.4f}"
    print(f"{model:10} {seed:4} {scores}   {found.path / 'report.html'}")
print(f"\n{judged[0][2].metrics.samples} held-out digits, {time.monotonic() - began:.0f} seconds")
