"""From a recipe to something that can be trained: data, network, task, batches and validation put together."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from striate.data import Dataset, open_dataset
from striate.data.loader import Loader
from striate.data.order import Order
from striate.data.transforms import Augment
from striate.errors import OptionError
from striate.evaluate.scores import scores
from striate.models import MODELS, create
from striate.recipes.recipe import Recipe
from striate.tasks import Classification
from striate.tasks.classification import balanced_weights
from striate.train import Learner, Plan, Score, Validate, Where, device_named
from striate.train.scanning import scan_progress
from striate.train.tuning import tuning_of

__all__ = ["network_of", "open_for", "prepare"]


def open_for(data: str | Path, recipe: Recipe, where: Where) -> Dataset:
    """Read the data at the size that the recipe, or else its network, asks for."""
    size = recipe.data.image_size or MODELS[recipe.model].image_size
    options = dataclasses.replace(recipe.data, image_size=size)
    with scan_progress(where.progress) as on_progress:
        return open_dataset(data, options, on_progress=on_progress)


def prepare(
    dataset: Dataset, recipe: Recipe, where: Where, weights: Mapping[str, Shaped[Tensor, "..."]] | None = None
) -> tuple[Learner, Plan]:
    """Build the network, with the first weights that the seed gives, and the plan of its training.

    Args:
        dataset: What it learns from.
        recipe: How.
        where: Where.
        weights: What takes the place of the first weights, by name.

    Raises:
        OptionError: A batch cannot be cut into so many parts, the device is not there, or no stage has that name.
        ShapeError: The network cannot take images of that size.
    """
    options, part = recipe.train, dataset.parts["train"]
    order = Order(len(part), options.batch_size * options.accumulate, options.seed, limit=options.overfit or None)
    if order.smallest < options.accumulate:
        raise OptionError(
            "train: there are too few samples for so many parts of a batch.",
            "Lower accumulate or the batch size.",
            samples=len(part),
            batch_size=options.batch_size,
            accumulate=options.accumulate,
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        model = create(recipe.model, **network_of(dataset, recipe))
    model.load_state_dict({**model.state_dict(), **(weights or {})})
    counts = None
    if options.class_weights == "balanced":
        counts = balanced_weights(torch.from_numpy(part.labels), len(dataset.classes))
    task = Classification(dataset.classes, options.label_smoothing, counts)
    tuning = tuning_of(model, options, (dataset.preprocess.channels, *dataset.preprocess.image_size))
    augment = Augment() if options.overfit else recipe.augment
    loader = Loader(part, dataset.preprocess, order, augment, options.seed, where.workers)
    device = device_named(where.device)
    judged = loader if options.overfit else _in_order(dataset, options.batch_size)
    plan = Plan(options, loader, _validation(judged, device), where.checkpoint_seconds, where.keep_epochs)
    return Learner(model, task, options, device, tuning, by_engine=where.accelerate), plan


def _in_order(dataset: Dataset, batch_size: int) -> Loader:
    part = dataset.parts["val"]
    return Loader(part, dataset.preprocess, Order(len(part), batch_size, seed=None))


def _validation(loader: Loader, device: torch.device) -> Validate:
    order = loader.order
    seen = np.concatenate([order.batch(step) for step in range(order.steps_per_epoch)])
    labels = torch.from_numpy(loader.part.labels[seen])

    def validate(model: nn.Module, *, should_stop: Callable[[], bool]) -> Score | None:
        logits = scores(model, loader, device, should_stop=should_stop)
        if logits is None:
            return None
        loss = F.cross_entropy(logits.double(), labels).item()
        return Score(loss, (logits.argmax(1) == labels).double().mean().item())

    return validate


def network_of(dataset: Dataset, recipe: Recipe) -> dict[str, Any]:
    """Say what of the network the data decides, and the recipe's own options of it."""
    return {
        "classes": len(dataset.classes),
        "in_channels": dataset.preprocess.channels,
        "image_size": dataset.preprocess.image_size,
        **recipe.network_options,
    }
