"""What Striate's loader and training loop cost over a plain PyTorch loop that does the same work.

The same work: the same samples in the same order, the same augmentation and normalisation, the same network, layout,
loss and optimiser, the same running loss and accuracy. The verification is that both end with the same weights.
Striate's loop also checks every loss and gradient, seeds every step, keeps its log and writes a checkpoint after the
first epoch and at the end; that is the cost that is timed.

Run: python -m bench.training
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

import striate
from bench.harness import compare, record
from striate.data.loader import Loader
from striate.data.order import Order
from striate.data.transforms import Augment, augment, normalize
from striate.recipes.preparation import open_for, prepare
from striate.train import Score, create_run, fit, progress_for

THREADS = 2
# Small, so that rounding stays rounding and the weights of both loops can be compared.
RATE = 1e-4
WHERE = striate.Where(progress="none", device="cpu", checkpoint_seconds=1e9)


class Plain(Dataset[tuple[Tensor, int]]):
    """A data set as a tutorial writes it."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = images, labels.tolist()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.images[index], self.labels[index]


def plain_batches(loader: Loader, plain: Dataset[Any], steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    """PyTorch's loader over the same samples in the same order, augmented and normalised by the same functions."""
    order, p = loader.order, loader.preprocess
    chosen = [order.batch(step).tolist() for step in range(steps)]
    batches = DataLoader(plain, batch_sampler=chosen, num_workers=loader.workers)
    for step, (images, labels) in enumerate(batches):
        indices = np.array(chosen[step])
        images = augment(images, loader.augment, seed=loader.seed, epoch=order.epoch(step), indices=indices)
        yield normalize(images, p.mean, p.std), labels


def plain_training(model: nn.Module, optimizer: Any, batches: Iterator[tuple[Tensor, Tensor]]) -> nn.Module:
    """The loop of a tutorial, with its running loss and accuracy."""
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    model.train()
    total, correct = 0.0, 0
    for images, labels in batches:
        optimizer.zero_grad()
        logits = model(images.to(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
        correct += int((logits.argmax(1) == labels).sum())
    return model


def _groups(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"params": group["params"], "weight_decay": group["weight_decay"]} for group in groups]


# As the recipes say, with PyTorch's defaults for the rest.
PLAIN_OPTIMIZERS = {
    "lenet5": lambda groups: torch.optim.AdamW(_groups(groups), lr=RATE),
    "resnet20": lambda groups: torch.optim.SGD(_groups(groups), lr=RATE, momentum=0.9),
}


def training(name: str, epochs: int, settings: Mapping[str, Any]) -> None:
    """Time `epochs` of a network on the digits."""
    fixed = {"schedule": "constant", "learning_rate": RATE, "warmup_epochs": 0.0, "average_decay": 0.0}
    settings = {**settings, **fixed, "epochs": epochs}
    recipe = striate.recipe_for(name, "digits").changed(**settings)
    data = open_for("digits", recipe, WHERE)
    part = data.parts["train"]
    plain = Plain(torch.from_numpy(np.stack([part.read(i) for i in range(len(part))])), torch.from_numpy(part.labels))

    def ours() -> nn.Module:
        learner, plan = prepare(data, recipe, WHERE)
        plan = replace(plan, validate=lambda model, should_stop: Score(1.0, 0.0))
        with tempfile.TemporaryDirectory() as folder:
            fit(create_run(Path(folder), "run", {}), learner, plan, progress_for("none"))
        return learner.model

    def peer() -> nn.Module:
        learner, plan = prepare(data, recipe, WHERE)
        steps = epochs * plan.steps_per_epoch
        optimizer = PLAIN_OPTIMIZERS[name](learner.optimizer.param_groups)
        return plain_training(learner.model, optimizer, plain_batches(plan.loader, plain, steps))

    expected = peer().state_dict()

    def same(model: nn.Module) -> bool:
        return all(torch.allclose(value, expected[key], atol=1e-5) for key, value in model.state_dict().items())

    work = (float(epochs * len(part)), "images")
    shape = "x".join(map(str, data.preprocess.image_size))
    what = f"{name}, {epochs} epochs of {len(part)} digits at {shape}, batches of {recipe.train.batch_size}"
    record(compare(f"training-{name}", {"striate": ours, "plain PyTorch": peer}, what=what, verify=same, n=12,
                   threads=THREADS, work=work))  # fmt: skip


def loading(name: str, data: Any, options: Augment, read: Callable[[], Dataset[Any]], workers: int) -> None:
    """Time an epoch of batches."""
    part = data.parts["train"]
    loader = Loader(part, data.preprocess, Order(len(part), 32, seed=0), options, 0, workers)
    steps = loader.order.steps_per_epoch

    def ours() -> Tensor:
        return torch.cat([batch.images for batch in loader.batches(0, steps)])

    def peer() -> Tensor:
        return torch.cat([images for images, _ in plain_batches(loader, read(), steps)])

    expected = peer()
    what = f"{len(part)} {name}, batches of 32, {workers} workers"
    record(compare(f"loader-{name}-{workers}", {"striate": ours, "torch DataLoader": peer}, what=what,
                   verify=lambda found: torch.allclose(found, expected, atol=1e-6), n=12, threads=THREADS,
                   work=(float(len(part)), "images")))  # fmt: skip


class PlainFolder(Dataset[tuple[Tensor, int]]):
    """Image files as a tutorial reads them: Pillow, resized, to a tensor."""

    def __init__(self, root: str, names: list[str], labels: list[int]) -> None:
        self.root, self.names, self.labels = root, names, labels

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        with Image.open(f"{self.root}/{self.names[index]}") as image:
            small = image.convert("RGB").resize((64, 64), Image.Resampling.BILINEAR)
        return torch.from_numpy(np.asarray(small).transpose(2, 0, 1) / np.float32(255)), self.labels[index]


def main() -> None:
    """Run them all."""
    training("lenet5", 10, {})
    training("resnet20", 5, {})
    digits = striate.open_dataset("digits")
    held = digits.parts["train"]
    images = torch.from_numpy(np.stack([held.read(i) for i in range(len(held))]))
    loading("digits", digits, Augment(rotate=10, zoom=0.1), lambda: Plain(images, torch.from_numpy(held.labels)), 0)
    with tempfile.TemporaryDirectory() as folder:
        noise = np.random.default_rng(0)
        for label in ("a", "b"):
            (Path(folder) / label).mkdir()
            for i in range(150):
                coarse = Image.fromarray(noise.integers(0, 256, (24, 24, 3), dtype=np.uint8))
                coarse.resize((384, 384), Image.Resampling.BICUBIC).save(f"{folder}/{label}/{i:03}.jpg", quality=90)
        files = striate.open_dataset(folder, striate.DataOptions(image_size=(64, 64)))
        part = files.parts["train"]
        unheld = replace(files, parts={"train": replace(part, held=None)})
        names, labels = list(part.names), part.labels.tolist()
        for workers in (0, 2):
            loading("jpegs", unheld, Augment(flip=True), lambda: PlainFolder(part.root, names, labels), workers)


if __name__ == "__main__":
    main()
