"""The report's pictures as SVG: curves over epochs, the confusion matrix, the reliability diagram, an interval."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from striate.evaluate.metrics import Bin
from striate.evaluate.svg import (
    Element,
    Scale,
    add,
    drawing,
    finite,
    linear,
    logarithmic,
    shorten,
    written,
)

__all__ = ["Curve", "best_epoch", "confusion_grid", "curves", "interval", "reliability"]

# A loss that spans more than this ratio is drawn on a logarithmic axis.
_WIDE = 20
# Numbers are written into the cells up to this many classes.
_NUMBERED = 30


@dataclass(frozen=True)
class Curve:
    """One line of a chart.

    Args:
        column: The column of the history that it shows.
        name: What the legend calls it.
        style: Its class in the style sheet: `first` or `second`.
    """

    column: str
    name: str
    style: str


def best_epoch(history: Sequence[Mapping[str, object]]) -> int | None:
    """Give the first epoch with the highest validation accuracy, or else the lowest loss; None if neither is known."""
    for column, sign in (("val_accuracy", -1), ("val_loss", 1)):
        scored = [(sign * v[0], i) for i, row in enumerate(history) if (v := finite([row.get(column)]))]
        if scored:
            return _epoch(history, min(scored)[1])
    return None


def curves(
    history: Sequence[Mapping[str, object]],
    lines: Sequence[Curve],
    *,
    label: str,
    unit: str,
    best: int | None = None,
) -> str:
    """Draw columns of the history over its epochs; `unit` is `%` (shares are drawn as such), or any word, or empty.

    Values that are missing or not finite leave a gap. The axis is logarithmic where the values are positive and span
    a ratio over 20. Nothing is drawn ("") if there is not one value.
    """
    factor = 100 if unit == "%" else 1
    columns = {line.column: [_value(row.get(line.column), factor) for row in history] for line in lines}
    known = finite([v for column in columns.values() for v in column])
    if not known:
        return ""
    epochs = [_epoch(history, i) for i in range(len(history))]
    picture = drawing(380, 250, f"{label} by epoch")
    x = _over_epochs(epochs)
    wide = unit != "%" and min(known) > 0 and max(known) / min(known) > _WIDE
    limits = (min(0.0, *known), 100.0 if unit == "%" else inf)
    y = logarithmic(known, 208, 34) if wide else linear(known, 208, 34, limits=limits)
    _axes(picture, x, y, ", ".join(filter(None, [unit, "log scale" if wide else ""])), "{:g}".format)
    add(picture, "text", "epoch", class_="label", x=206, y=244, text_anchor="middle")
    if best is not None and min(epochs) <= best <= max(epochs):
        add(picture, "line", class_="best", x1=x(best), x2=x(best), y1=34, y2=208)
    for i, line in enumerate(lines):
        values = zip(epochs, columns[line.column], strict=True)
        _curve(picture, line.style, [(x(epoch), None if v is None else y(v)) for epoch, v in values])
        if len(lines) > 1:
            add(picture, "line", class_=line.style, x1=200 + 82 * i, x2=218 + 82 * i, y1=12, y2=12)
            add(picture, "text", line.name, class_="label", x=224 + 82 * i, y=16)
    _hover(picture, epochs, x, {line.name: columns[line.column] for line in lines})
    return written(picture)


def confusion_grid(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    """Draw a confusion matrix: rows truth, columns prediction, right in blue and wrong in red, by share of the row."""
    k = len(classes)
    cell = min(52.0, max(6.0, 560 / k))
    every = -(-15 // int(cell))  # one label in so many has room
    names = [shorten(name, 14) for name in classes]
    longest = min(112, 7.5 * max(map(len, names)))
    wide = longest > cell * every - 4
    left, top = 32 + longest, 32 + (longest if wide else 12)
    side = k * cell
    picture = drawing(left + side + 4, top + side + 4, f"Confusion matrix of {k} classes")
    picture.set("style", f"--natural: {round(left + side + 4)}px")
    add(picture, "text", "predicted", class_="label", x=left + side / 2, y=14, text_anchor="middle")
    turn = f"rotate(-90 12 {round(top + side / 2)})"
    add(picture, "text", "true", class_="label", x=12, y=top + side / 2, text_anchor="middle", transform=turn)
    add(picture, "rect", class_="ground", x=left, y=top, width=side, height=side)
    for i in range(0, k, every):
        at = (i + 0.5) * cell
        add(picture, "text", names[i], classes[i], class_="name", x=left - 6, y=top + at + 4, text_anchor="end")
        place: dict[str, Any] = {"x": left + at, "y": top - 7, "text_anchor": "middle"}
        if wide:
            corner = f"{left + at + 4:.1f} {top - 6:.1f}"
            place = {"x": left + at + 4, "y": top - 6, "transform": f"rotate(-90 {corner})"}
        add(picture, "text", names[i], classes[i], class_="name", **place)
    for i, row in enumerate(confusion):
        for j, count in enumerate(row):
            if count:
                group = _cell(picture, (left + j * cell, top + i * cell, cell), count / sum(row), right=i == j)
                add(group, "title", f"true {classes[i]}, predicted {classes[j]}: {count} of {sum(row)}")
                if k <= _NUMBERED:
                    _number_in(group, count)
    return written(picture)


def reliability(bins: Sequence[Bin]) -> str:
    """Draw accuracy over confidence, with the gap to the diagonal, and below it how many predictions each bin holds."""
    picture = drawing(380, 400, "Reliability diagram")
    x = Scale(0, 1, 46, 366, (0, 0.25, 0.5, 0.75, 1))
    y = Scale(0, 1, 290, 14, (0, 0.25, 0.5, 0.75, 1))
    _axes(picture, x, y, "", "{:g}".format)
    most = max((b.count for b in bins), default=0) or 1
    for b in bins:
        if b.accuracy is None or b.confidence is None:
            continue
        left, width = x(b.lower) + 0.75, x(b.upper) - x(b.lower) - 1.5
        title = (
            f"confidence {b.lower:.2f} to {b.upper:.2f}: {b.count} predictions, "
            f"mean confidence {b.confidence:.3f}, right {b.accuracy:.3f}"
        )
        group = add(picture, "g", title=title)
        upper, lower = sorted([y(b.accuracy), y(b.confidence)])
        add(group, "rect", class_="bar", x=left, y=lower, width=width, height=290 - lower)
        gap = "above" if b.accuracy > b.confidence else "below"
        add(group, "rect", class_=gap, x=left, y=upper, width=width, height=lower - upper)
        height = max(1.5, 44 * b.count / most)
        add(group, "rect", class_="count", x=left, y=372 - height, width=width, height=height)
    add(picture, "line", class_="diagonal", x1=x(0), x2=x(1), y1=y(0), y2=y(1))
    add(picture, "text", "confidence", class_="label", x=206, y=322, text_anchor="middle")
    add(picture, "text", "accuracy", class_="label", x=52, y=26)
    add(picture, "line", class_="axis", x1=46, x2=366, y1=372, y2=372)
    add(picture, "text", f"predictions per bin, at most {most:,}", class_="label", x=206, y=390, text_anchor="middle")
    return written(picture)


def interval(value: float, low: float, high: float) -> str:
    """Draw a share and its interval on a scale of its own, in percent."""
    picture = drawing(380, 60, f"{100 * value:.1f} %, between {100 * low:.1f} % and {100 * high:.1f} %")
    x = linear([100 * low, 100 * high], 14, 366, limits=(0, 100))
    add(picture, "line", class_="axis", x1=14, x2=366, y1=26, y2=26)
    for tick in x.ticks:
        add(picture, "line", class_="axis", x1=x(tick), x2=x(tick), y1=22, y2=30)
        add(picture, "text", f"{tick:g} %", class_="tick", x=x(tick), y=48, text_anchor="middle")
    start, stop = x(100 * low), x(100 * high)
    add(picture, "rect", class_="band", x=start, y=19, width=max(stop - start, 2), height=14, rx=7)
    add(picture, "circle", class_="dot", cx=x(100 * value), cy=26, r=6)
    return written(picture)


def _cell(picture: Element, place: tuple[float, float, float], share: float, *, right: bool) -> Element:
    x, y, size = place
    # A root for mistakes, so that one among many can still be seen.
    opacity = 0.15 + 0.85 * share if right else 0.2 + 0.8 * share**0.5
    gap = 1 if size > 12 else 0.25
    group = add(picture, "g", class_="right" if right else "wrong")
    group.set("data-strong", "yes" if opacity > 0.65 else "no")
    add(group, "rect", x=x + gap / 2, y=y + gap / 2, width=size - gap, height=size - gap, fill_opacity=opacity)
    return group


def _number_in(group: Element, count: int) -> None:
    square = group[0]
    x, y, size = (float(square.get(name, "0")) for name in ("x", "y", "width"))
    font = min(13.0, size / (0.65 * max(2, len(str(count)))))
    middle: dict[str, Any] = {"x": x + size / 2, "y": y + size / 2 + 0.35 * font, "text_anchor": "middle"}
    add(group, "text", str(count), font_size=font, **middle)


def _axes(picture: Element, x: Scale, y: Scale, unit: str, form: Callable[[float], str]) -> None:
    for tick in y.ticks:
        add(picture, "line", class_="grid", x1=x.start, x2=x.stop, y1=y(tick), y2=y(tick))
        add(picture, "text", f"{tick:g}", class_="tick", x=x.start - 6, y=y(tick) + 4, text_anchor="end")
    for tick in x.ticks:
        add(picture, "line", class_="axis", x1=x(tick), x2=x(tick), y1=y.start, y2=y.start + 4)
        add(picture, "text", form(tick), class_="tick", x=x(tick), y=y.start + 17, text_anchor="middle")
    add(picture, "line", class_="axis", x1=x.start, x2=x.stop, y1=y.start, y2=y.start)
    if unit:
        add(picture, "text", unit, class_="label", x=4, y=16)


def _over_epochs(epochs: Sequence[int]) -> Scale:
    """An axis whose ticks are whole epochs."""
    low, high = min(epochs), max(epochs)
    if low == high:
        return Scale(low - 0.5, high + 0.5, 46, 366, (low,))
    step = next(m * 10**e for e in range(12) for m in (1, 2, 5) if m * 10**e * 6 >= high - low)
    return Scale(low, high, 46, 366, tuple(range(-(-low // step) * step, high + 1, step)))


def _curve(picture: Element, style: str, points: Sequence[tuple[float, float | None]]) -> None:
    path, drawn = "", False
    for i, (x, y) in enumerate(points):
        if y is not None:
            path += f"{'L' if drawn else 'M'}{x:.1f} {y:.1f}"
            alone = not drawn and (i + 1 == len(points) or points[i + 1][1] is None)
            if alone:
                add(picture, "circle", class_=style, cx=x, cy=y, r=3)
        drawn = y is not None
    add(picture, "path", class_=style, d=path)


def _hover(picture: Element, epochs: Sequence[int], x: Scale, columns: Mapping[str, Sequence[float | None]]) -> None:
    width = (x.stop - x.start) / max(1, len(epochs) - 1)
    for i, epoch in enumerate(epochs):
        values = ", ".join(f"{name} {v[i]:.4g}" for name, v in columns.items() if v[i] is not None)
        left = max(x.start, x(epoch) - width / 2)
        right = min(x.stop, x(epoch) + width / 2)
        add(
            picture,
            "rect",
            "",
            f"epoch {epoch}: {values}",
            class_="touch",
            x=left,
            y=34,
            width=right - left,
            height=174,
        )


def _value(value: object, factor: float) -> float | None:
    return next((factor * v for v in finite([value])), None)


def _epoch(history: Sequence[Mapping[str, object]], i: int) -> int:
    return int(next(iter(finite([history[i].get("epoch")])), i + 1))
