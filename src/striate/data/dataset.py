"""What every reader gives, whatever it reads: parts of named, labelled pictures, and what is wrong with them."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64, Shaped
from PIL import Image

from striate.data.image import read_image, read_pieces, scaled, unit
from striate.data.names import Names
from striate.data.piece import MOST_TIMES, Piece
from striate.data.preprocess import MOST_PIXELS, Preprocess, Resize
from striate.data.problems import Problem
from striate.errors import DataError, OptionError

__all__ = ["DataOptions", "Dataset", "Part", "Preprocess", "Problem", "judged_by"]


@dataclass(frozen=True)
class DataOptions:
    """How a data set is opened.

    Args:
        image_size: Height and width that every picture is brought to, in pixels; None for the network's own, or
            32 x 32 where there is no network.
        channels: 1 turns colour into grey, 3 repeats grey; None is 1 if every training picture is grey, else 3.
        resize: Cut the largest centred piece of that shape and scale it (crop), scale the shorter side and keep the
            rest, for random pieces to come from it (shorter), or scale each side by itself (stretch).
        enlarge: Scale to so many times the image size, and take the middle: 256 / 224 in many papers.
        split: Shares of train, val and test where the data itself does not say. With a training share of 0 the data is
            for judging a model that is already trained: nothing then has to be in the training part.
        split_seed: Another number cuts the parts elsewhere. The embedded digits have one fixed split.
        skip_bad: Leave bad files out, and list them, instead of stopping.

    Raises:
        OptionError: A setting is out of range.
    """

    image_size: tuple[int, int] | None = None
    channels: Literal[1, 3] | None = None
    resize: Resize = "crop"
    enlarge: float = 1.0
    split: tuple[float, float, float] = (0.6, 0.2, 0.2)
    split_seed: int = 0
    skip_bad: bool = False

    def __post_init__(self) -> None:
        for name, (allows, rule, remedy) in _RULES.items():
            value = getattr(self, name)
            if not allows(value):
                raise OptionError(f"open_dataset: {name} {rule}.", remedy, **{name: value})

    @property
    def size(self) -> tuple[int, int]:
        """The size in force."""
        return self.image_size or (32, 32)

    @property
    def middle(self) -> Piece:
        """The piece of every picture that is taken."""
        return Piece(self.size, self.resize, self.enlarge)


def _is_size(value: Any) -> bool:
    return value is None or (len(value) == 2 and all(1 <= side <= MOST_PIXELS for side in value))


def _is_split(value: Any) -> bool:
    if len(value) != 3 or not all(0 <= share <= 1 for share in value):
        return False
    return math.isclose(sum(value), 1, abs_tol=1e-6) and not (value[0] > 0 and value[1] == 0)


_RULES: Final[dict[str, tuple[Callable[[Any], bool], str, str]]] = {
    "image_size": (
        _is_size,
        "is not a height and a width",
        f"Pass two of 1 to {MOST_PIXELS}, in pixels, such as (32, 32).",
    ),
    "channels": (lambda value: value in (None, 1, 3), "is neither 1 nor 3", "Pass 1 for grey or 3 for colour."),
    "resize": (
        lambda value: value in ("crop", "shorter", "stretch"),
        "is unknown",
        "Choose one of: crop, shorter, stretch.",
    ),
    "enlarge": (
        lambda value: 1 <= value <= MOST_TIMES,
        "is out of range",
        f"Pass 1 to {MOST_TIMES:g}, such as {256 / 224:.3f}, that is 256 / 224.",
    ),
    "split": (
        _is_split,
        "is not three shares that add up to 1, some of it val where some is train",
        "Pass those of train, val and test: (0.6, 0.2, 0.2); or (0, 0, 1) to judge a trained model.",
    ),
}


@dataclass(frozen=True, eq=False)
class Part:
    """The pictures of one part: train, val or test.

    Args:
        names: Paths relative to the root, or "digits/0012"; sorted.
        labels: For each picture its class, as an index into the data set's classes.
        sizes: Height and width of each original, in pixels, upright.
        grey: Whether each original has no colours.
        root: The folder that the names are relative to.
        preprocess: What the pictures become.
        held: The pictures in memory, 8-bit or 32-bit floats, where they are few; None where each is read from its file.
        originals: Pictures that are in no file, at their own size, in [0, 1].
    """

    names: Names
    labels: Int64[np.ndarray, " N"]
    sizes: Int32[np.ndarray, "N 2"]
    grey: Bool[np.ndarray, " N"]
    root: str
    preprocess: Preprocess
    held: Shaped[np.ndarray, "N K H W"] | None = None
    originals: Float32[np.ndarray, "N h w"] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, index: int) -> Float32[np.ndarray, "C H W"]:
        """Read one picture: in [0, 1], at the model's size, not yet normalised.

        Raises:
            DataError: The file has gone bad since the data was opened; the message names it.
        """
        if self.held is not None:
            return unit(self.held[index], self.preprocess.channels)
        return read_image(os.path.join(self.root, self.names[index]), self.preprocess)

    def read_pieces(self, index: int, pieces: Sequence[Piece]) -> list[Float32[np.ndarray, "C H W"]]:
        """Read pieces of one picture, from its file, at their sizes; otherwise as `read` does.

        Raises:
            DataError: As for `read`.
        """
        if self.originals is not None:
            original = Image.fromarray(self.originals[index])
            return [unit(scaled(original, piece), self.preprocess.channels) for piece in pieces]
        return read_pieces(os.path.join(self.root, self.names[index]), self.preprocess, pieces)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled pictures in parts.

    Args:
        name: "digits", or the folder's or the CSV's name.
        root: Absolute path of the folder that names are relative to, or "digits".
        classes: Sorted by name; a label is an index into them.
        preprocess: What a picture becomes.
        parts: "train", "val" and "test"; a part without pictures is missing.
        problems: Everything that is wrong.
        fingerprint: SHA-256 of the classes and of each picture's part, name, label and bytes.
    """

    name: str
    root: str
    classes: tuple[str, ...]
    preprocess: Preprocess
    parts: Mapping[str, Part]
    problems: tuple[Problem, ...]
    fingerprint: str


def judged_by(dataset: Dataset, classes: Sequence[str], preprocess: Preprocess) -> Dataset:
    """See a data set as a trained model does: with its classes, matched by name, and its preprocessing.

    The data must have been opened with the model's image size, channels, resize and enlarge.

    Raises:
        DataError: The data has a class that the model does not know.
        OptionError: The data was opened otherwise than the model needs.

    Example:
        ``judged_by(open_dataset(data, DataOptions(image_size=p.image_size, channels=p.channels)), classes, p)``
    """
    unknown = [name for name in dataset.classes if name not in classes]
    if unknown:
        raise DataError(
            "evaluate: the data has classes that the model was not trained on.",
            "Rename or remove them: classes are matched by name.",
            data=dataset.root,
            unknown=", ".join(unknown),
            model=", ".join(classes),
        )
    opened, needed = (
        {"image_size": p.image_size, "channels": p.channels, "resize": p.resize, "enlarge": p.enlarge}
        for p in (dataset.preprocess, preprocess)
    )
    if opened != needed:
        raise OptionError(
            "evaluate: the data was opened otherwise than the model needs.",
            "Open it with the model's image_size, channels, resize and enlarge.",
            data=opened,
            model=needed,
        )
    new = np.array([list(classes).index(name) for name in dataset.classes], dtype=np.int64)
    parts = {
        name: replace(part, labels=new[part.labels], preprocess=preprocess) for name, part in dataset.parts.items()
    }
    return replace(dataset, classes=tuple(classes), preprocess=preprocess, parts=parts)
