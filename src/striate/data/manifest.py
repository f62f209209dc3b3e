"""A CSV file that lists images: `path,label` or `path,label,split`, paths relative to the CSV's own folder."""

import csv
import io
import os
from collections.abc import Callable, Iterator
from typing import Final

from striate.data.assemble import assemble
from striate.data.dataset import DataOptions, Dataset
from striate.data.links import require_inside
from striate.data.listing import Listing
from striate.data.problems import Unreadable, shown
from striate.data.split import PART_NAMES
from striate.errors import DataError

__all__ = ["accepts", "read"]

# Over a million lines of usual length; a list of that many is held in a few hundred megabytes.
CSV_LIMIT: Final = 64 * 2**20
HEADERS: Final = (["path", "label"], ["path", "label", "split"])


def accepts(data: str) -> bool:
    """Tell whether `data` is a file called .csv."""
    return os.path.isfile(data) and data.lower().endswith(".csv")


def read(data: str, options: DataOptions, on_progress: Callable[[int, int], None] | None = None) -> Dataset:
    """Read the images that a CSV file lists.

    Raises:
        DataError: It is no CSV file, or its first line is not one of `HEADERS`.
    """
    text = _text(data)
    listing = Listing(os.path.basename(data), os.path.realpath(os.path.dirname(os.path.abspath(data))))
    seen: dict[str, int] = {}
    for line, columns, row in _rows(data, text):
        try:
            name, label, part = _sample(listing.root, row, columns)
            first = seen.setdefault(name, line)
            if first != line:
                raise Unreadable("bad line", f"the same path as line {first}")
        except Unreadable as bad:
            listing.wrong(bad.kind, row[0], f"line {line}: {bad.why}")
        else:
            listing.add(name, label, part)
    if any(listing.parts):
        for name, part in zip(listing.names, listing.parts, strict=True):
            if not part:
                listing.wrong("bad line", name, f"line {seen[name]}: the split is empty, on other lines it is not")
    listing.sort()
    return assemble(listing, options, on_progress)


def _text(data: str) -> str:
    """Read a file as UTF-8, with or without a byte-order mark."""
    with open(data, "rb") as file:
        raw = file.read(CSV_LIMIT + 1)
    remedy = "Save it as CSV in UTF-8; other files are not read, and none is ever unpickled."
    if len(raw) > CSV_LIMIT:
        raise DataError(
            "open_dataset: the CSV file is too large.",
            "Use a folder of class folders.",
            data=data,
            most_bytes=CSV_LIMIT,
        )
    if b"\0" in raw:
        line = raw.count(b"\n", 0, raw.index(b"\0")) + 1
        raise DataError("open_dataset: the file is binary, not CSV.", remedy, data=data, zero_byte=f"line {line}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # `error.object` is what was decoded: without the mark.
        line = error.object.count(b"\n", 0, error.start) + 1
        raise DataError(
            "open_dataset: the CSV file is not UTF-8.",
            remedy,
            data=data,
            line=line,
            byte=hex(error.object[error.start]),
        ) from None


def _rows(data: str, text: str) -> Iterator[tuple[int, int, list[str]]]:
    """Give, for each row below the header, the line that it ends on, how many columns it should have, and itself."""
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [column.strip() for column in next(lines, [""])]
        if header not in HEADERS:
            raise DataError(
                "open_dataset: the CSV file's first line is not its header.",
                "Let it begin with the line path,label or path,label,split (commas between, no other columns).",
                data=data,
                line_1=shown(",".join(header)[:200]),
            )
        for row in lines:
            if row:
                yield lines.line_num, len(header), row
    except csv.Error as error:
        raise DataError(
            "open_dataset: the CSV file cannot be parsed.",
            'Put values that hold commas, quotes or line ends in quotes, and double the quotes in them: "a ""b"" c".',
            data=data,
            line=lines.line_num,
            found=str(error),
        ) from None


def _sample(root: str, row: list[str], columns: int) -> tuple[str, str, str]:
    """Check one row.

    Returns:
        Path, label, and part or "".

    Raises:
        Unreadable: It names no image of the data, or says too little or too much about it.
    """
    if len(row) != columns:
        raise Unreadable("bad line", f"the header has {columns} columns, this line {len(row)}")
    name, label = row[0], row[1].strip()
    part = row[2].strip().lower() if columns > 2 else ""
    if not name:
        raise Unreadable("bad line", "the path is empty")
    if not label:
        raise Unreadable("bad line", "the label is empty")
    if part and part not in PART_NAMES:
        raise Unreadable("bad line", f"the split {part!r} is none of {', '.join(PART_NAMES)}")
    if os.path.isabs(name) or ".." in name.split("/"):
        raise Unreadable("bad line", "the path may not leave the CSV's folder")
    require_inside(root, name)
    return os.path.normpath(name), label, PART_NAMES.get(part, "")
