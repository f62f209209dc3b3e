"""The page of what a network has learnt: one HTML file that needs nothing else and loads nothing.

Its one script moves the sliders; a policy in the page forbids every other.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from striate.evaluate import words
from striate.explain.explanation import Reading
from striate.explain.rendering import Way, data_url, enlarged
from striate.explain.sentences import sentence, title
from striate.train.durable import explained, replace_file

__all__ = ["Chart", "Exciting", "LayerShown", "Page", "Shown", "Story", "View", "render", "write_report"]

Pixels = UInt8[np.ndarray, "_ _ _"]

# Pictures are stored no larger than this, in pixels a side.
_LARGEST: Final = 384

SCRIPT: Final = """
document.querySelectorAll("input[type=range]").forEach(slider => slider.addEventListener("input", () =>
  slider.closest(".slid").style.setProperty("--s", slider.value / 100)));
""".strip()


@dataclass(frozen=True)
class Shown:
    """A picture with what it means.

    Args:
        picture: Its pixels.
        what: What it is of, for who cannot see it.
        legend: What its colours mean.
        caption: How to read it, and how not to.
    """

    picture: Pixels
    what: str
    legend: str = ""
    caption: str = ""


@dataclass(frozen=True)
class Exciting:
    """What excites one feature map.

    Args:
        feature: The map's number.
        patches: The pieces of pictures that excite it most, in one picture, row by row; None where none was searched.
        views: Their projections, in the same places; None where there are none.
        wished: What it would like best; None if that was not asked.
        activations: Of the pieces, in order.
        sources: Names of the pictures.
        epochs: The projection of what excited it most after each epoch that was kept, in one row; None if none was.
    """

    feature: int
    patches: Pixels | None = None
    views: Pixels | None = None
    wished: Pixels | None = None
    activations: Sequence[float] = ()
    sources: Sequence[str] = ()
    epochs: Pixels | None = None


@dataclass(frozen=True)
class LayerShown:
    """One layer.

    Args:
        name: Its name.
        kind: Of module.
        size: Of its output, in words.
        sees: Rows and columns of the image that one unit sees, in words.
        filters: Its kernels.
        exciting: Some of its maps.
        maps: How many it has; 0 leaves that out.
        epochs: Those that the maps are shown after.
    """

    name: str
    kind: str
    size: str
    sees: str
    filters: Shown | None = None
    exciting: Sequence[Exciting] = ()
    maps: int = 0
    epochs: Sequence[int] = ()


@dataclass(frozen=True)
class View:
    """What one method says of one image.

    Args:
        method: Its name.
        target: What is explained, in words.
        picture: Its map.
        laid: The same, to be laid over the image; None if it is a picture of its own.
        way: How that is shown.
        reading: How to read it and how not to.
        checked: The same by the trained network and by those that know less and less, each with its likeness to the
            first; nothing if that was not asked.
    """

    method: str
    target: str
    picture: Pixels
    laid: Pixels | None
    way: Way
    reading: Reading
    checked: Sequence[tuple[Pixels, float]] = ()


@dataclass(frozen=True)
class Story:
    """One image, explained.

    Args:
        name: The file's.
        image: As the network sees it, but for normalisation.
        said: The likeliest classes and their probabilities.
        truth: Its true class; nothing if that is not known.
        views: What the methods say.
        maps: Of each layer: its name, and its maps in one picture.
    """

    name: str
    image: Pixels
    said: Sequence[tuple[str, float]]
    truth: str = ""
    views: Sequence[View] = ()
    maps: Sequence[tuple[str, Pixels]] = ()


@dataclass(frozen=True)
class Chart:
    """A drawing with its caption.

    Args:
        name: What is drawn.
        drawing: As SVG.
    """

    name: str
    drawing: str


@dataclass(frozen=True)
class Page:
    """Everything that the page shows. What is empty is left out.

    Args:
        title: The page's title.
        model: The network's name.
        weights: Where its weights come from.
        notes: What a reader must know before the pictures.
        layers: From the first to the last.
        stories: The chosen images.
        charts: Features while the images are changed, in pairs.
        searched: What was searched for the patches, in words.
        command: What repeats the page.
        folder: Where pictures and arrays lie, seen from the page.
        maps_legend: What the colours of feature maps mean.
        wished_legend: What those of optimised images mean.
        wished_caption: How to read these, and how not to.
    """

    title: str
    model: str
    weights: str
    notes: Sequence[str] = ()
    layers: Sequence[LayerShown] = ()
    stories: Sequence[Story] = ()
    charts: Sequence[Chart] = ()
    searched: str = ""
    command: str = ""
    folder: str = ""
    maps_legend: str = ""
    wished_legend: str = ""
    wished_caption: str = ""


def write_report(path: str | Path, page: Page) -> None:
    """Write `page` to the file `path`, in one instant: a crash leaves the old file or the new one.

    Raises:
        RunError: The file cannot be written.
    """
    content = render(page).encode("utf-8", "backslashreplace")  # file names may hold bytes that are no text
    with explained("explain", Path(path)):
        replace_file(Path(path), content)


def render(page: Page) -> str:
    """Give the page as HTML."""
    # Only reports need templates: importing this package should not wait for them.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    rooms = [Path(__file__).parent, Path(words.__file__).parent]  # the style sheet is the evaluation's
    templates = Environment(
        loader=FileSystemLoader(rooms), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    shown = [one for layer in page.layers for one in layer.exciting]
    return templates.get_template("explain.html.j2").render(
        page=page,
        words=words,
        sentence=sentence,
        title=title,
        script=SCRIPT,
        digest=b64encode(sha256(SCRIPT.encode()).digest()).decode(),
        picture=_picture,
        methods=(methods := _methods(page)),
        checked=any(view.checked for view in methods.values()),
        evolved=any(one.epochs is not None for one in shown),
        patched=any(one.patches is not None for one in shown),
        wished=any(one.wished is not None for one in shown),
    )


def _methods(page: Page) -> dict[str, View]:
    """Find the first view of each method: its reading is told once."""
    found: dict[str, View] = {}
    for story in page.stories:
        for view in story.views:
            found.setdefault(view.method, view)
    return found


def _picture(pixels: Pixels) -> dict[str, Any]:
    """Give a picture inside of the page, with its size; few pixels stay squares."""
    small = max(pixels.shape[:2]) <= 128
    if max(pixels.shape[:2]) > _LARGEST:
        image: Pixels | Image.Image = enlarged(pixels, _LARGEST)
    else:
        image = pixels
    return {"url": data_url(image), "small": small, "width": pixels.shape[1], "height": pixels.shape[0]}
