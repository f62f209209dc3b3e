"""Lines over an amount, as SVG: what happens while an image is changed more and more."""

from collections.abc import Mapping, Sequence

from striate.evaluate.svg import Element, Scale, add, drawing, linear, written

__all__ = ["STYLES", "lines"]

STYLES = ("second", "third", "first", "fourth")


def lines(
    amounts: Sequence[float],
    series: Mapping[str, Sequence[float]],
    *,
    label: str,
    unit: str,
    limit: float | None = None,
) -> str:
    """Draw one line a name, four at most.

    Args:
        amounts: Along the axis, rising.
        series: The values, as many as amounts.
        label: What the values are.
        unit: Of the amounts.
        limit: The largest value there can be, so that charts of a share have one axis; None for as much as is needed.

    Example:
        >>> lines([0, 1], {"conv1": [0, 0.5]}, label="distance", unit="samples").startswith("<svg")
        True
    """
    picture = drawing(380, 262, f"{label} by {unit}")
    values = [value for row in series.values() for value in row]
    x = Scale(min(amounts), max(amounts) or 1, 46, 366, _ticks(amounts))
    y = linear([0.0, max(values) if limit is None else limit], 208, 40, limits=(0, float("inf")))
    _axes(picture, x, y)
    add(picture, "text", unit, class_="label", x=206, y=248, text_anchor="middle")
    for i, (name, row) in enumerate(series.items()):
        points = " ".join(f"{x(a):.1f},{y(v):.1f}" for a, v in zip(amounts, row, strict=True))
        told = ", ".join(f"{a:g}: {v:.2g}" for a, v in zip(amounts, row, strict=True))
        add(picture, "polyline", "", f"{name}: {told}", class_=f"line {STYLES[i]}", points=points)
        left, top = 46 + 164 * (i % 2), 10 + 16 * (i // 2)
        add(picture, "line", class_=f"line {STYLES[i]}", x1=left, x2=left + 18, y1=top, y2=top)
        add(picture, "text", name, class_="label", x=left + 24, y=top + 4)
    return written(picture)


def _ticks(amounts: Sequence[float]) -> tuple[float, ...]:
    """Choose up to seven of the amounts themselves, evenly."""
    every = -(-(len(amounts) - 1) // 6) or 1
    return tuple(amounts[::every])


def _axes(picture: Element, x: Scale, y: Scale) -> None:
    for tick in y.ticks:
        add(picture, "line", class_="grid", x1=x.start, x2=x.stop, y1=y(tick), y2=y(tick))
        add(picture, "text", f"{tick:g}", class_="tick", x=x.start - 6, y=y(tick) + 4, text_anchor="end")
    for tick in x.ticks:
        add(picture, "line", class_="axis", x1=x(tick), x2=x(tick), y1=y.start, y2=y.start + 4)
        add(picture, "text", f"{tick:g}", class_="tick", x=x(tick), y=y.start + 18, text_anchor="middle")
    add(picture, "line", class_="axis", x1=x.start, x2=x.stop, y1=y.start, y2=y.start)
