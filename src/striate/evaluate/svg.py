"""Drawing in SVG: elements and axes.

Elements are built as a tree and never pasted together as text, so whatever a name holds is escaped.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, isfinite, log10
from xml.etree import ElementTree

__all__ = ["Element", "Scale", "add", "drawing", "finite", "linear", "logarithmic", "shorten", "written"]

Element = ElementTree.Element


def drawing(width: float, height: float, label: str) -> Element:
    """Start a picture of `width` by `height` units; `label` is read out to who cannot see it."""
    return Element("svg", {"viewBox": f"0 0 {_number(width)} {_number(height)}", "role": "img", "aria-label": label})


def add(parent: Element, tag: str, text: str = "", title: str = "", **attributes: object) -> Element:
    """Add an element: `font_size=11` becomes `font-size="11"`, `class_` becomes `class`.

    Args:
        parent: Where to.
        tag: Its kind.
        text: Its text.
        title: What is shown when the pointer rests on it.
        attributes: All else; numbers are rounded to hundredths.

    Example:
        >>> picture = drawing(10, 10, "")
        >>> written(add(picture, "text", "a < b", x=1.2345, text_anchor="end"))
        '<text x="1.23" text-anchor="end">a &lt; b</text>'
    """
    names = {name: name.rstrip("_").replace("_", "-") for name in attributes}
    given = {names[name]: _number(v) if isinstance(v, int | float) else str(v) for name, v in attributes.items()}
    element = ElementTree.SubElement(parent, tag, given)
    element.text = text or None
    if title:
        ElementTree.SubElement(element, "title").text = title
    return element


def written(element: Element) -> str:
    """Write an element, to be put into a page as it is."""
    return ElementTree.tostring(element, encoding="unicode")


def shorten(text: str, length: int) -> str:
    """Cut a text that is longer than `length` characters, and say so.

    >>> shorten("Ailuropoda melanoleuca", 8)
    'Ailurop…'
    """
    return text if len(text) <= length else text[: length - 1] + "…"


@dataclass(frozen=True)
class Scale:
    """One axis of a chart.

    Args:
        low: The value at `start`.
        high: The value at `stop`.
        start: Where the axis begins, in the picture's units.
        stop: Where it ends.
        ticks: Values to mark.
        bend: What is done to a value before it is laid along the axis: nothing, or its logarithm.
    """

    low: float
    high: float
    start: float
    stop: float
    ticks: tuple[float, ...]
    bend: Callable[[float], float] = float

    def __call__(self, value: float) -> float:
        """Say where `value` lies, in the picture's units."""
        low, high = self.bend(self.low), self.bend(self.high)
        return self.start + (self.bend(value) - low) / (high - low) * (self.stop - self.start)


def linear(values: Sequence[float], start: float, stop: float, *, limits: tuple[float, float] = (-inf, inf)) -> Scale:
    """Lay out an axis whose ends are ticks, and which stays within `limits`.

    >>> linear([0.13, 0.87], 0, 100).ticks
    (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    """
    low, high = min(values), max(values)
    if high - low < 1e-9 * max(abs(high), 1e-9):
        low, high = low - (abs(low) or 1) / 10, high + (abs(high) or 1) / 10
    raw = (high - low) / 4
    magnitude = 10.0 ** floor(log10(raw))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw * 0.999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    marks = [round(i * step, 12) for i in range(first, last + 1)]  # 3 * 0.2 is 0.6000000000000001
    ticks = [mark for mark in marks if limits[0] <= mark <= limits[1]]
    return Scale(max(first * step, limits[0]), min(last * step, limits[1]), start, stop, tuple(ticks))


def logarithmic(values: Sequence[float], start: float, stop: float) -> Scale:
    """Lay out an axis of positive values on which equal ratios are equally long.

    >>> logarithmic([0.02, 3], 0, 100).ticks
    (0.01, 0.1, 1.0, 10.0)
    """
    low, high = floor(log10(min(values)) + 1e-9), ceil(log10(max(values)) - 1e-9)
    high = max(high, low + 1)
    # Decades only, and no more than five of them marked.
    every = max(1, ceil((high - low) / 4))
    return Scale(
        10.0**low, 10.0**high, start, stop, tuple(10.0**i for i in range(low, high + 1, every)), lambda v: log10(v)
    )


def finite(values: Sequence[object]) -> list[float]:
    """Keep what is a number that can be drawn."""
    return [float(v) for v in values if isinstance(v, int | float) and isfinite(v)]


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"
