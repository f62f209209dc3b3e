"""Does a network learn as well through the engine? ResNet-20 on the digits, as its recipe says, five seeds each.

Three ways: PyTorch's convolutions; the engine's choice, which may be PyTorch's; and the engine's own algorithms alone.
A seed gives the same first weights, order and augmentation to all three, but rounding parts their ways. The last
weights are judged on the held-out digits. A difference of means is seed noise if Student's test does not tell them
apart: 95 %, both sides.

Run: python -m bench.engine_training [--seeds 5] [--epochs 18]
"""

import math
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from statistics import mean, stdev

import torch
from scipy.stats import t as student
from torch import nn
from torch.nn import functional as F

import striate
from bench.harness import record_rows
from bench.layers import asked
from striate import engine
from striate.data import Dataset
from striate.data.loader import Loader
from striate.data.order import Order
from striate.evaluate.scores import scores
from striate.recipes.preparation import open_for, prepare
from striate.recipes.recipe import Recipe
from striate.train import Learner, Plan, create_run, fit, progress_for

__all__ = ["WAYS", "compared", "learner_of", "trained"]

NETWORK, DATA = "resnet20", "digits"
WHERE = striate.Where(threads=1, progress="none", device="cpu", checkpoint_seconds=1e9)
MEASURES = ("accuracy", "cross-entropy")
COLUMNS = ["convolutions", "measure", "seed by seed", "mean", "deviation", "over PyTorch's", "seed noise", "held to"]

# Who convolves, and what is asked of the choice; PyTorch's first, with which the others are compared.
WAYS: dict[str, tuple[bool, Callable[[], AbstractContextManager[None]]]] = {
    "PyTorch": (False, nullcontext),
    "engine": (True, nullcontext),
    "engine, ours alone": (True, engine.reproducible),
}


def learner_of(way: str, dataset: Dataset, recipe: Recipe) -> tuple[Learner, Plan]:
    """Build the network and its running average, and say who convolves in both."""
    learner, plan = prepare(dataset, recipe, WHERE)
    models: list[nn.Module] = [learner.model, learner.judged]
    for model in models if WAYS[way][0] else []:
        striate.accelerate(model)
    return learner, plan


def trained(way: str, seed: int, epochs: int) -> tuple[float, float]:
    """Train once; give accuracy and cross-entropy on the held-out digits."""
    recipe = striate.recipe_for(NETWORK, DATA).changed(epochs=epochs, seed=seed)
    dataset = open_for(DATA, recipe, WHERE)
    learner, plan = learner_of(way, dataset, recipe)
    part = dataset.parts["test"]
    loader = Loader(part, dataset.preprocess, Order(len(part), recipe.train.batch_size, seed=None))
    with tempfile.TemporaryDirectory() as folder, WAYS[way][1]():
        fit(create_run(Path(folder), "run", {}), learner, plan, progress_for("none"))
        logits = scores(learner.judged, loader, learner.device)
    labels = torch.from_numpy(part.labels)
    assert logits is not None  # nobody asks it to stop
    return (logits.argmax(1) == labels).double().mean().item(), F.cross_entropy(logits.double(), labels).item()


def compared(these: Sequence[float], those: Sequence[float]) -> tuple[float, float]:
    """Give the difference of two means, and how large it has to be not to be noise: Student's test, 95 %.

    Example:
        >>> difference, noise = compared([0.97, 0.98, 0.99], [0.96, 0.97, 0.98])
        >>> round(difference, 3), round(noise, 3)
        (0.01, 0.023)
    """
    error = math.sqrt(stdev(these) ** 2 / len(these) + stdev(those) ** 2 / len(those))
    return mean(these) - mean(those), float(student.ppf(0.975, len(these) + len(those) - 2)) * error


def _row(way: str, measure: str, found: Sequence[float], usual: Sequence[float]) -> list[str]:
    write = (lambda v: f"{v:.2%}") if measure == "accuracy" else (lambda v: f"{v:.4f}")
    row = [way, measure, ", ".join(map(write, found)), write(mean(found)), write(stdev(found))]
    if found is usual:
        return [*row, "", "", ""]
    difference, noise = compared(found, usual)
    held = f"seed noise {'reached' if abs(difference) <= noise else 'missed'}"
    return [*row, write(difference), write(noise), held]


def main() -> None:
    """Train, judge and record."""
    options = asked(seeds=5, epochs=striate.recipe_for(NETWORK, DATA).train.epochs)
    torch.set_num_threads(1)
    judged: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for seed in range(options.seeds):
        for way, found in judged.items():
            found.append(trained(way, seed, options.epochs))
            print(f"{way}, seed {seed}: accuracy {found[-1][0]:.2%}, cross-entropy {found[-1][1]:.4f}", flush=True)
    rows: list[list[str]] = []
    for place, measure in enumerate(MEASURES):
        of = {way: [one[place] for one in found] for way, found in judged.items()}
        rows += [_row(way, measure, found, of["PyTorch"]) for way, found in of.items()]
    what = f"ResNet-20 on the digits, {options.epochs} epochs, {options.seeds} seeds each: the held-out digits."
    record_rows("engine-training", what, COLUMNS, rows, threads=1)


if __name__ == "__main__":
    main()
