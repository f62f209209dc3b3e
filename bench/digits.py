"""How well the digits' recipes do: every network of the demonstration, three seeds each, on the held-out digits.

Run: python -m bench.digits
"""

import tempfile
import time

import torch

import striate
from bench.harness import record_rows

MODELS = ("lenet5", "resnet20")
SEEDS = 3


def main() -> None:
    """Train, judge and record."""
    rows: list[list[str]] = []
    samples = 0
    with tempfile.TemporaryDirectory() as folder:
        for model in MODELS:
            for seed in range(SEEDS):
                began = time.monotonic()
                run = striate.train("digits", model=model, seed=seed, out=folder, where=striate.Where(progress="lines"))
                seconds = time.monotonic() - began
                found = striate.evaluate(run).metrics
                samples = found.samples
                low, high = found.accuracy_interval
                rows.append(
                    [
                        f"{model}, seed {seed}",
                        f"{found.accuracy:.2%}",
                        f"{low:.1%} to {high:.1%}",
                        f"{found.macro.f1:.4f}",
                        f"{found.calibration_error:.4f}",
                        f"{seconds:.0f} s",
                    ]
                )
    columns = ["", "accuracy", "95 % interval", "macro F1", "calibration error", "training"]
    what = f"The recipes of the digits, judged on {samples} held-out images."
    record_rows("digits", what, columns, rows, threads=torch.get_num_threads())


if __name__ == "__main__":
    main()
