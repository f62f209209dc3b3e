"""The degradation problem: do more layers make the training error higher, with shortcuts and without?

The four networks of examples/04_degradation.py, as it trains them.

Run: python -m bench.degradation
"""

import tempfile
from statistics import mean

import torch

import striate
from bench.harness import record_rows
from striate.train import read_epochs

NETWORKS = ("plain20", "resnet20", "plain56", "resnet56")
SEEDS = 1
EPOCHS = 10
SHOWN = (1, 2, 4, 6, 8, 10)


def main() -> None:
    """Train, judge and record: the table, and the curves behind it."""
    torch.set_num_threads(1)
    errors: dict[str, list[float]] = {}
    rows: list[list[str]] = []
    for network in NETWORKS:
        curves, accuracies = zip(*(trained(network, seed) for seed in range(SEEDS)), strict=True)
        errors[network] = [mean(several) for several in zip(*curves, strict=True)]
        after = [", ".join(f"{curve[epoch - 1]:.1%}" for curve in curves) for epoch in SHOWN]
        rows.append([network, *after, ", ".join(f"{accuracy:.1%}" for accuracy in accuracies)])
    what = f"Training error on the digits at 32 x 32, and accuracy on held-out ones; {EPOCHS} epochs, seeds: {SEEDS}."
    columns = ["", *(f"epoch {epoch}" for epoch in SHOWN), "held-out accuracy"]
    record_rows("degradation", what, columns, rows, threads=1)
    by_epoch = [[i + 1, *(round(errors[network][i], 4) for network in NETWORKS)] for i in range(EPOCHS)]
    record_rows(
        "degradation-curves", "The same errors, epoch by epoch, means.", ["epoch", *NETWORKS], by_epoch, threads=1
    )


def trained(network: str, seed: int) -> tuple[list[float], float]:
    """Train once; give the training error of each epoch, while it lasts, and the accuracy on the held-out digits."""
    recipe = striate.recipe_for(network, "small images").changed(
        image_size=(32, 32), batch_size=32, epochs=EPOCHS, pad=0, flip=False, seed=seed
    )
    with tempfile.TemporaryDirectory() as folder:
        run = striate.train("digits", recipe=recipe, out=folder, where=striate.Where(threads=1, progress="lines"))
        found = [1 - row["train_accuracy"] for row in read_epochs(run.path)]
        return found, striate.evaluate(run).metrics.accuracy


if __name__ == "__main__":
    main()
