"""The report of an evaluation: one HTML file that needs nothing else, runs no script and loads nothing."""

import io
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from striate.errors import DataError
from striate.evaluate import charts, words
from striate.evaluate.charts import Curve
from striate.evaluate.explained import Explained
from striate.evaluate.metrics import Metrics
from striate.models.summary import Row, written
from striate.train.durable import explained, replace_file

__all__ = ["Mistake", "Page", "render", "write_report"]

# Pictures are stored no larger than this, in pixels a side, so that a gallery of photographs stays small.
_LARGEST = 256


@dataclass(frozen=True)
class Mistake:
    """One sample that was named wrongly.

    Args:
        name: Of the sample: a path, or a number in an embedded set.
        truth: Its class.
        predicted: The class it was taken for.
        probability: That of `predicted`.
        image: As the network saw it before normalisation: 0 to 255, `H W` or `H W C` with 1, 3 or 4 channels.
        others: The next most probable classes and their probabilities.
    """

    name: str
    truth: str
    predicted: str
    probability: float
    image: Shaped[np.ndarray, "*HWC"]
    others: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True)
class Page:
    """Everything that a report shows. What is empty is left out.

    Args:
        title: The page's title.
        model: The network's name.
        dataset: The data set's name.
        part: The part of it that was judged: "test", or "val".
        metrics: How well.
        note: What a reader must know before the numbers, such as: judged on "val", because there is no test part.
        history: One record an epoch: epoch, step, learning_rate, train_loss, train_accuracy, val_loss, val_accuracy,
            images_per_second; any may be missing or None.
        best_epoch: The epoch whose weights were judged; None for the best of `history`.
        mistakes: The gallery, most confident first.
        explained: Images with what the answer rests on.
        layers: The rows of the network's summary.
        recipe: How it was trained, nested.
        machine: Where it was trained: facts and measured peaks, nested. Units are read off the names' endings.
        versions: Of the software, by name.
        commands: How to repeat it: what it does, and the command.
        problems: What was wrong with the data.
        protocol: How pictures were judged, in words.
        seconds: How long training took; None if unknown.
        created: When the page was made, in words.
    """

    title: str
    model: str
    dataset: str
    part: str
    metrics: Metrics
    note: str = ""
    history: Sequence[Mapping[str, Any]] = ()
    best_epoch: int | None = None
    mistakes: Sequence[Mistake] = ()
    explained: Sequence[Explained] = ()
    layers: Sequence[Row] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict[str, Any])
    machine: Mapping[str, Any] = field(default_factory=dict[str, Any])
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    commands: Mapping[str, str] = field(default_factory=dict[str, str])
    problems: Sequence[str] = ()
    protocol: str = ""
    seconds: float | None = None
    created: str = ""


def write_report(path: str | Path, page: Page) -> None:
    """Write `page` to the file `path`, in one instant: a crash leaves the old file or the new one.

    Raises:
        DataError: An image of the gallery is no picture.
        RunError: The file cannot be written.
    """
    content = render(page).encode("utf-8", "backslashreplace")  # file names may hold bytes that are no text
    with explained("write_report", Path(path)):
        replace_file(Path(path), content)


def render(page: Page) -> str:
    """Give the page as HTML.

    Raises:
        DataError: An image of the gallery is no picture.
    """
    # Only reports need templates: importing this package should not wait for them.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    best = page.best_epoch if page.best_epoch is not None else charts.best_epoch(page.history)
    return templates.get_template("report.html.j2").render(
        page=page,
        metrics=page.metrics,
        best=next((row for row in page.history if row.get("epoch") == best), None),
        curves=_curves(page, best),
        interval=charts.interval(page.metrics.accuracy, *page.metrics.accuracy_interval),
        grid=charts.confusion_grid(page.metrics.confusion, [row.name for row in page.metrics.classes]),
        reliability=charts.reliability(page.metrics.calibration_bins),
        confusions=words.confusions(page.metrics, 8),
        orders=_orders(page.metrics),
        sureness=_sureness(page.metrics),
        words=words,
        picture=lambda mistake: _picture(mistake.name, mistake.image),
        pictured=_picture,
        written=written,
    )


def _curves(page: Page, best: int | None) -> list[tuple[str, str]]:
    training, validation = "training", "validation"
    drawn = {
        "Loss": charts.curves(
            page.history,
            [Curve("train_loss", training, "first"), Curve("val_loss", validation, "second")],
            label="Loss",
            unit="nats",
            best=best,
        ),
        "Accuracy": charts.curves(
            page.history,
            [Curve("train_accuracy", training, "first"), Curve("val_accuracy", validation, "second")],
            label="Accuracy",
            unit="%",
            best=best,
        ),
        "Learning rate": charts.curves(
            page.history, [Curve("learning_rate", "rate", "third")], label="Learning rate", unit="", best=best
        ),
    }
    return [(name, chart) for name, chart in drawn.items() if chart]


def _sureness(metrics: Metrics) -> int:
    """Say whether it is surer than it is right by half a point on average (1), or less sure (-1), or neither (0)."""
    confidence = sum(b.count * (b.confidence or 0) for b in metrics.calibration_bins) / metrics.samples
    gap = confidence - metrics.accuracy
    return 0 if abs(gap) < 0.005 else 1 if gap > 0 else -1


def _orders(metrics: Metrics) -> list[tuple[str, list[int]]]:
    """Say for each way of sorting where each class comes: the style sheet sorts by it, and no script is needed."""
    keys = {
        "class": [0] * len(metrics.classes),
        "samples": [-row.support for row in metrics.classes],
        "precision": [row.precision for row in metrics.classes],
        "recall": [row.recall for row in metrics.classes],
        "F1": [row.f1 for row in metrics.classes],
    }
    places: list[tuple[str, list[int]]] = []
    for name, values in keys.items():
        order = sorted(range(len(values)), key=lambda i: (values[i], i))
        places.append((name, [order.index(i) for i in range(len(values))]))
    return places


def _picture(name: str, image: Shaped[np.ndarray, "*HWC"]) -> dict[str, Any]:
    """Give an image as a PNG inside of the page, with its size."""
    from PIL import Image

    given = image
    shaped = image.dtype == np.uint8 and image.size > 0
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    if not shaped or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (3, 4))):
        raise DataError(
            "write_report: an image of the gallery is no picture.",
            "Pass whole numbers from 0 to 255 (uint8), as H W or H W C with 1, 3 or 4 channels.",
            name=name,
            shape=given.shape,
            dtype=given.dtype,
        )
    picture, buffer = Image.fromarray(image), io.BytesIO()
    picture.thumbnail((_LARGEST, _LARGEST))
    picture.save(buffer, "PNG")
    data = b64encode(buffer.getvalue()).decode()
    return {"url": f"data:image/png;base64,{data}", "small": max(picture.size) <= 64}
