"""A contact sheet: some pictures of every class side by side, as a model sees them."""

from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from striate.data.dataset import Dataset, Part
from striate.data.problems import plain

__all__ = ["contact_sheet"]

_PAPER: Final = (250, 250, 247)
_INK: Final = (32, 36, 44)
_FAINT: Final = (120, 124, 132)
_TILE: Final = 72
_STEP: Final = _TILE + 6
_MARGIN: Final = 24
_HEAD: Final = 44
_MOST_CLASSES: Final = 40
_MOST_LETTERS: Final = 24


def contact_sheet(dataset: Dataset, per_class: int = 8) -> Image.Image:
    """Draw a row of pictures for each class, evenly spread over the training part.

    Args:
        dataset: Its training part is shown; where there is none, its first part.
        per_class: Most pictures in a row.

    Returns:
        An RGB picture; of more than 40 classes the first 40.
    """
    shown_part = "train" if "train" in dataset.parts else next(iter(dataset.parts), "")
    part = dataset.parts.get(shown_part)
    classes = [_short(name) for name in dataset.classes[:_MOST_CLASSES]]
    large, small = ImageFont.load_default(16), ImageFont.load_default(12)
    left = 2 * _MARGIN + int(max([90.0, *(large.getlength(name) for name in classes)]))
    title, note = _title(dataset, shown_part, len(classes))
    width = max(left + per_class * _STEP, _MARGIN + int(large.getlength(title)), _MARGIN + int(small.getlength(note)))
    size = (width + _MARGIN, _MARGIN + _HEAD + len(classes) * _STEP + _MARGIN)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _MARGIN), title, _INK, font=large, anchor="lm")
    draw.text((_MARGIN, _MARGIN + 21), note, _FAINT, font=small, anchor="lm")
    for label, name in enumerate(classes):
        top = _MARGIN + _HEAD + label * _STEP
        rows = np.flatnonzero(part.labels == label) if part else np.zeros(0, dtype=np.int64)
        draw.text((_MARGIN, top + _TILE // 2 - 9), name, _INK, font=large, anchor="lm")
        draw.text((_MARGIN, top + _TILE // 2 + 11), f"{len(rows)} pictures", _FAINT, font=small, anchor="lm")
        if part:
            chosen = rows[np.linspace(0, len(rows) - 1, min(per_class, len(rows))).astype(np.int64)]
            for column, index in enumerate(chosen.tolist()):
                sheet.paste(_tile(part, index), (left + column * _STEP, top))
    return sheet


def _title(dataset: Dataset, part: str, rows: int) -> tuple[str, str]:
    title = f"{_short(dataset.name)}: {len(dataset.classes)} classes"
    height, width = dataset.preprocess.image_size
    colors = "colour" if dataset.preprocess.channels == 3 else "grey"
    note = f"{part} part, as the model sees it: {width} x {height} pixels, {colors}"
    rest = len(dataset.classes) - rows
    return title, note + (f"; {rest} more classes" if rest else "")


def _tile(part: Part, index: int) -> Image.Image:
    """Draw one picture, enlarged pixel by pixel and centred on its tile."""
    values = (part.read(index) * 255 + 0.5).astype(np.uint8)
    image = Image.fromarray(values[0] if len(values) == 1 else values.transpose(1, 2, 0)).convert("RGB")
    scale = _TILE / max(image.size)
    # Each pixel stays a square where there are few of them, so the eye judges what the model gets.
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BILINEAR
    image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), how)
    tile = Image.new("RGB", (_TILE, _TILE), _PAPER)
    tile.paste(image, ((_TILE - image.width) // 2, (_TILE - image.height) // 2))
    return tile


def _short(name: str) -> str:
    name = plain(name)
    return name if len(name) <= _MOST_LETTERS else name[: _MOST_LETTERS - 3] + "..."
