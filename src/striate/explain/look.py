"""Looking into a network: everything that this room can show of it, on one page.

OUT/explain.html            the page; it needs nothing else
OUT/explain/                its pictures as PNG files, its arrays as NumPy's, and how far the search has come
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, fields
from errno import ENOTDIR
from os import PathLike, fspath, strerror
from pathlib import Path
from typing import Final, Literal

import torch

from striate.errors import DataError, OptionError
from striate.evaluate.trained import Trained
from striate.explain.feature_maps import LEGEND as MAPS_LEGEND
from striate.explain.gallery import Gallery, open_gallery
from striate.explain.layers import capture
from striate.explain.optimization import CAPTION as WISHED_CAPTION
from striate.explain.optimization import LEGEND as WISHED_LEGEND
from striate.explain.report import Page, write_report
from striate.explain.scene import Named, Scene
from striate.explain.sections import charts_of, layers_of, stories_of
from striate.explain.selection import selected
from striate.explain.shelf import Shelf
from striate.explain.stories import checked_methods
from striate.explain.subject import Subject, subject
from striate.train import Run, Where
from striate.train.durable import explained
from striate.train.scanning import scan_progress
from striate.train.threads import set_threads

__all__ = ["Look", "Looked", "look"]

# Images that are explained if none are named.
_USUAL_IMAGES: Final = 3


@dataclass(frozen=True)
class Look:
    """What to look at.

    Args:
        layers: Names of layers, or ranges such as conv1..conv5; nothing for five convolutions from first to last.
        methods: What explains the images; nothing for all.
        top: Pieces of pictures that are shown of each map.
        maps: Maps that are shown of each layer, evenly spread over all.
        steps: Of making the image that would excite a map most; 0 to leave that out.
        weights: Of a network that is named: weights in the package, or published ones; nothing leaves it untrained.
        checkpoint: Of a run: the weights that validated best, or the last ones.
        sanity: Check every method on the first image: how its picture changes when weights are shuffled.

    Raises:
        OptionError: A number is out of range.
    """

    layers: Sequence[str] = ()
    methods: Sequence[str] = ()
    top: int = 9
    maps: int = 8
    steps: int = 64
    weights: str = ""
    checkpoint: Literal["best", "last"] = "best"
    sanity: bool = True

    def __post_init__(self) -> None:
        for name in ("layers", "methods"):
            if isinstance(lone := getattr(self, name), str):  # not its letters
                object.__setattr__(self, name, (lone,))
        for name, least, most in (("top", 1, 100), ("maps", 1, 1000), ("steps", 0, 100_000)):
            if not least <= getattr(self, name) <= most:
                raise OptionError(
                    f"explain: {name} is out of range.", f"Pass {least} to {most}.", **{name: getattr(self, name)}
                )


@dataclass(frozen=True)
class Looked:
    """Where it is.

    Args:
        page: The HTML file.
        notes: What a reader of the pictures must know.
    """

    page: Path
    notes: tuple[str, ...]


def look(
    given: str | PathLike[str] | Run | Trained,
    images: str | PathLike[str] | Sequence[str | PathLike[str]] = (),
    *,
    data: str | PathLike[str] | None = None,
    out: str | PathLike[str] | None = None,
    at: Look | None = None,
    where: Where | None = None,
) -> Looked:
    """Show what a network has learnt, and what its answers to some images rest on, on one page.

    It may be stopped at any time: called again, the search of the data goes on where it was.

    Args:
        given: A run or its folder; or the name of a network.
        images: Files that are explained, or one; none for a few of the data.
        data: Searched for what excites each map: digits, a folder, a CSV file; None for the run's own, if it is there.
        out: The folder of the page; None for the run's, or for explain-MODEL here.
        at: What to look at.
        where: Threads, progress; the rest is for training.

    Raises:
        OptionError: There is no such network, layer or method.
        DataError: An image, or the data, cannot be used.
        CaptureError: What the network computes cannot be followed.
        RunError: The run cannot be read, or the folder not be written.

    Example:
        ``look("runs/digits-lenet5", ["three.png"]).page``
    """
    at, where = at or Look(), where or Where()
    images = [images] if isinstance(images, str | PathLike) else images
    shown = subject(given, weights=at.weights, checkpoint=at.checkpoint)
    methods = checked_methods(at.methods)
    folder = Path(out) if out else (shown.home or Path(f"explain-{shown.name}"))
    _refuse_file(folder / "explain")
    with set_threads(where.threads):
        network = capture(shown.model, torch.zeros(1, *shown.canvas.size))
        layers = selected(network, at.layers)
        chosen = [(fspath(path), "", image) for path, image in zip(images, shown.read(images), strict=True)]
        gallery, notes = _gallery(shown, data, where)
        chosen = chosen or _some(gallery)
        shelf = Shelf(folder / "explain")
        shelf.clear()  # what an earlier page had beside it
        scene = Scene(shown, network, shelf, where.progress)
        page = Page(
            title=f"Inside {shown.name}",
            model=shown.name,
            weights=shown.weights,
            notes=(*shown.notes, *notes),
            stories=stories_of(scene, chosen, methods, layers, sanity=at.sanity),
            charts=charts_of(scene, torch.stack([image for _, _, image in chosen])) if chosen else (),
            layers=layers_of(scene, layers, gallery, top=at.top, maps=at.maps, steps=at.steps),
            searched=f"{len(gallery):,} pictures of {gallery.dataset.name}" if gallery else "",
            command=_command(given, images, data, out, at),
            folder="explain/",
            maps_legend=MAPS_LEGEND,
            wished_legend=WISHED_LEGEND,
            wished_caption=WISHED_CAPTION,
        )
    write_report(folder / "explain.html", page)
    return Looked(folder / "explain.html", tuple(page.notes))


def _refuse_file(folder: Path) -> None:
    """Refuse a folder that is a file, or lies in one, before anything is computed."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        with explained("explain", there):
            raise NotADirectoryError(ENOTDIR, strerror(ENOTDIR))


def _gallery(shown: Subject, data: str | PathLike[str] | None, where: Where) -> tuple[Gallery | None, tuple[str, ...]]:
    """Open what is searched, and say what is wrong with it; a run's own data need not be there any more."""
    source = fspath(data) if data else shown.data
    if not source:
        return None, ()
    try:
        with scan_progress(where.progress) as told:
            found = open_gallery(source, shown.preprocess, told)
    except DataError as error:
        if data:
            raise
        return None, (f"The run's own data was not searched: {error.rule} Name it with --data where it is now.",)
    bad = len([problem for problem in found.dataset.problems if problem.stops(skip_bad=False)])
    left = "1 file of the data was" if bad == 1 else f"{bad:,} files of the data were"
    return found, (f"{left} left out; `striate data` names {'it' if bad == 1 else 'them'}.",) if bad else ()


def _some(gallery: Gallery | None) -> list[Named]:
    """Take a few pictures of the data, evenly spread."""
    if not gallery:
        return []
    count = min(_USUAL_IMAGES, len(gallery))
    places = [i * len(gallery) // count for i in range(count)]
    return [(gallery.name(i), gallery.truth(i), gallery.read(i)) for i in places]


def _command(
    given: str | PathLike[str] | Run | Trained,
    images: Sequence[str | PathLike[str]],
    data: str | PathLike[str] | None,
    out: str | PathLike[str] | None,
    at: Look,
) -> str:
    run = given.run if isinstance(given, Trained) else given
    words = ["striate", "explain", str(run.path if isinstance(run, Run) else fspath(run))]
    words += ["--images", *(fspath(path) for path in images)] if images else []
    words += ["--data", fspath(data)] if data else []
    words += ["--out", fspath(out)] if out else []
    for setting in fields(Look):
        value = getattr(at, setting.name)
        if value != setting.default:
            flag = setting.name if value is not False else f"no-{setting.name}"
            words += [
                f"--{flag}",
                *([] if isinstance(value, bool) else map(str, value if isinstance(value, tuple) else (value,))),
            ]
    return shlex.join(words)
