"""What is looked into: a network with all that is needed to show it images, from a run or by its name."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate.data import Preprocess, read_image
from striate.data.transforms import normalize
from striate.errors import OptionError
from striate.evaluate.published import preprocess_of
from striate.evaluate.trained import Trained, load
from striate.explain.paint import Canvas
from striate.models import MODELS, create
from striate.models.weights import OWN, own_weights, published
from striate.train import Run

__all__ = ["RANDOM", "Subject", "subject"]

RANDOM = (
    "This network has random weights: it has learnt nothing, and no picture here says anything about what a trained "
    "one sees. They are what pictures of a trained network have to differ from."
)


@dataclass(frozen=True)
class Subject:
    """A network and what it takes.

    Args:
        name: Of the network.
        model: In evaluation mode.
        classes: Their names; where nobody told them, their numbers.
        preprocess: What makes a picture its input.
        weights: Where the weights come from, in words.
        notes: What a reader of the pictures must know.
        data: What it was trained on, if a run says so and it may still be there.
        home: The folder that results belong in; None where there is no run.
    """

    name: str
    model: nn.Module
    classes: tuple[str, ...]
    preprocess: Preprocess
    weights: str
    notes: tuple[str, ...] = ()
    data: str = ""
    home: Path | None = None

    @property
    def canvas(self) -> Canvas:
        """What an image is for it."""
        p = self.preprocess
        return Canvas((p.channels, *p.image_size), p.mean, p.std, p.covariance)

    def normalized(self, images: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
        """Turn images in [0, 1] into its input."""
        return normalize(images, self.preprocess.mean, self.preprocess.std)

    def read(self, paths: Sequence[str | PathLike[str]]) -> list[Float[Tensor, "C H W"]]:
        """Read image files in [0, 1], as it sees them but for the normalisation.

        Raises:
            DataError: A file cannot be used; the message names it and says why.
        """
        return [torch.from_numpy(read_image(path, self.preprocess)) for path in paths]


def subject(
    given: str | PathLike[str] | Run | Trained, *, weights: str = "", checkpoint: Literal["best", "last"] = "best"
) -> Subject:
    """Find a network: that of a run, or one of the table of networks.

    Args:
        given: A run, its folder, or the name of a network.
        weights: Of a network that is named: weights in the package, or published ones; none leaves it untrained.
        checkpoint: Of a run: the weights that validated best, or the last ones.

    Raises:
        OptionError: There is no network or run of that name, or weights are asked for beside a run's own.
        StriateError: The run or the weights cannot be read.

    Example:
        >>> found = subject("lenet5", weights="digits")
        >>> found.classes[:3], found.notes
        (('0', '1', '2'), ())
    """
    if isinstance(given, str) and given in MODELS:
        return _packed(given, weights) if weights in OWN.get(given, ()) else _named(given, weights)
    if weights:
        raise OptionError(
            "explain: a run has weights of its own.", "Leave --weights out, or name a network.", weights=weights
        )
    if isinstance(given, str | PathLike) and not Path(given).exists():
        raise OptionError(
            f"explain: {fspath(given)!r} is neither a run's folder nor a network.",
            f"Name a folder such as runs/digits-lenet5, or one of: {', '.join(MODELS)}.",
        )
    return _of_run(given if isinstance(given, Trained) else load(given, checkpoint=checkpoint))  # pyright: ignore[reportArgumentType] - a path or a run


def _of_run(trained: Trained) -> Subject:
    about = trained.about
    unfinished = (
        () if trained.finished else (f"Training is not finished: these are the weights of step {trained.step}.",)
    )
    return Subject(
        about["network"]["name"],
        trained.model,
        trained.task.classes,
        trained.preprocess,
        f"trained on {about['data']['name']}, step {trained.step:,}",
        unfinished,
        str(about["data"]["source"]),
        trained.run.path,
    )


def _packed(name: str, weights: str) -> Subject:
    card = own_weights(name, weights).card
    preprocess = Preprocess.from_json(card.preprocess)
    return Subject(name, create(name, weights=weights).eval(), card.classes, preprocess, f"{weights}, of the package")


def _named(name: str, weights: str) -> Subject:
    entry = MODELS[name]
    if not weights:
        with torch.random.fork_rng(devices=[]):  # the same weights every time, and nobody else's numbers disturbed
            torch.manual_seed(0)
            model = create(name).eval()
        usual = (0.5,) * entry.channels, (0.25,) * entry.channels
        preprocess = Preprocess(entry.image_size, entry.channels, *usual)
        return Subject(name, model, tuple(map(str, range(entry.classes))), preprocess, "random", (RANDOM,))
    model, row = create(name, weights=weights).eval(), published(name, weights)
    return Subject(name, model, tuple(map(str, range(row.classes))), preprocess_of(row), weights)
