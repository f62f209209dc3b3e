"""What a reader of files finds before any file is opened: names, classes, and the parts that the data itself states."""

from dataclasses import dataclass, field
from typing import Final

from striate.data.problems import Problem

__all__ = ["EXTENSIONS", "Listing"]

# By its name a file is taken for an image; by its content it is then read, whichever of these it has.
EXTENSIONS: Final = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff")


@dataclass
class Listing:
    """Files with a class each.

    Args:
        name: What the data set is called.
        root: Absolute path that the names are relative to.
        names: Paths with `/`.
        classes: For each file the name of its class.
        parts: For each file "train", "val" or "test", or "" where the data does not say.
        problems: What was wrong already.
    """

    name: str
    root: str
    names: list[str] = field(default_factory=list[str])
    classes: list[str] = field(default_factory=list[str])
    parts: list[str] = field(default_factory=list[str])
    problems: list[Problem] = field(default_factory=list[Problem])

    def add(self, name: str, class_name: str, part: str) -> None:
        """Add a file."""
        self.names.append(name)
        self.classes.append(class_name)
        self.parts.append(part)

    def wrong(self, kind: str, name: str, why: str) -> None:
        """Add a problem."""
        self.problems.append(Problem(kind, name, why))

    def sort(self) -> None:
        """Order the files by name, so that neither the file system nor the CSV decides the order of training."""
        rows = sorted(zip(self.names, self.classes, self.parts, strict=True))
        self.names, self.classes, self.parts = ([row[i] for row in rows] for i in range(3))
