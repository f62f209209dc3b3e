"""evaluate.charts: every picture shows its numbers, whatever is missing."""

import re
from xml.etree import ElementTree

import pytest

from striate.evaluate.charts import Curve, best_epoch, confusion_grid, curves, interval, reliability
from striate.evaluate.metrics import Bin

LINES = [Curve("train_loss", "training", "first"), Curve("val_loss", "validation", "second")]


def rows(losses, start=1):
    return [{"epoch": start + i, "train_loss": v, "val_loss": v} for i, v in enumerate(losses)]


def read(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def drawn(svg: str, kind: str, style: str) -> list[ElementTree.Element]:
    return [e for e in read(svg).iter(kind) if e.get("class") == style]


def test_curves_have_axes_unit_legend_and_best_epoch():
    """A reader finds the unit, both names, the word epoch, and a line where the best epoch is."""
    svg = curves(rows([2.0, 1.5, 1.2, 1.1]), LINES, label="Loss", unit="nats", best=3)
    texts = [e.text for e in read(svg).iter("text")]
    assert {"nats", "training", "validation", "epoch", "1", "2", "3", "4"} <= set(texts)
    (best,) = drawn(svg, "line", "best")
    assert best.get("x1") == best.get("x2") == "259.33"


def test_curve_passes_through_its_values():
    """The line's points lie along the axis as the values do."""
    svg = curves(rows([0.0, 1.0, 0.5]), LINES[:1], label="Loss", unit="")
    (path,) = drawn(svg, "path", "first")
    points = [tuple(map(float, p.split())) for p in re.findall(r"[\d.]+ [\d.]+", path.get("d", ""))]
    assert points == [(46, 208), (206, 34), (366, 121)]


def test_shares_are_drawn_in_percent():
    """An accuracy of 0.6 stands at 60, and the axis ends at 100."""
    svg = curves([{"epoch": 1, "a": 0.6}, {"epoch": 2, "a": 1.0}], [Curve("a", "a", "first")], label="A", unit="%")
    texts = [e.text for e in read(svg).iter("text")]
    assert {"60", "100"} <= set(texts)
    assert "110" not in texts


def test_wide_spans_are_drawn_on_a_logarithmic_axis():
    """A loss that falls a hundredfold is, and one that halves is not; nor is one that reaches zero."""
    for losses, logarithmic in (([2.0, 0.02], True), ([2.0, 1.0], False), ([2.0, 0.0], False)):
        assert ("log scale" in curves(rows(losses), LINES, label="Loss", unit="nats")) is logarithmic


def test_missing_values_leave_gaps():
    """A value that is missing or not finite breaks the line; one that stands alone is a dot."""
    svg = curves(rows([1.0, 2.0, None, float("nan"), 3.0]), LINES[:1], label="Loss", unit="")
    (path,) = drawn(svg, "path", "first")
    assert path.get("d", "").count("M") == 2
    assert len(drawn(svg, "circle", "first")) == 1


@pytest.mark.parametrize("history", [[], [{"epoch": 1}], [{"epoch": 1, "train_loss": float("inf")}]], ids=str)
def test_nothing_to_draw_is_nothing(history):
    """Without one value there is no picture."""
    assert curves(history, LINES, label="Loss", unit="") == ""


def test_single_epoch_is_a_dot():
    """One epoch of training has a picture too."""
    assert len(drawn(curves(rows([1.0]), LINES, label="Loss", unit=""), "circle", "second")) == 1


def test_best_epoch_is_the_first_with_the_highest_accuracy():
    """Accuracy decides; without it the lowest loss does; without both nothing is marked."""
    history = [{"epoch": e, "val_accuracy": a, "val_loss": v} for e, a, v in [(4, 0.8, 3), (5, 0.9, 2), (6, 0.9, 1)]]
    assert best_epoch(history) == 5
    assert best_epoch([{"epoch": r["epoch"], "val_loss": r["val_loss"]} for r in history]) == 6
    assert best_epoch([{"epoch": 1, "val_accuracy": None}]) is None
    assert best_epoch([]) is None


@pytest.mark.parametrize("k", [2, 10, 30, 31, 100])
def test_confusion_grid_is_readable_at_any_size(k):
    """One cell for each pair that occurs; numbers in the cells up to 30 classes; the whole within 900 units."""
    matrix = [[5 if i == j else int(j == (i + 1) % k) for j in range(k)] for i in range(k)]
    svg = confusion_grid(matrix, [f"class {i}" for i in range(k)])
    assert (len(drawn(svg, "g", "right")), len(drawn(svg, "g", "wrong"))) == (k, k)
    numbers = [e.text for e in read(svg).iter("text") if e.text in ("5", "1")]
    assert len(numbers) == (2 * k if k <= 30 else 0)
    width, height = map(float, read(svg).get("viewBox", "").split()[2:])
    assert max(width, height) < 900


def test_confusion_cells_say_what_they_count():
    """Resting the pointer on a cell gives both names, the count and its row's total, names in full."""
    svg = confusion_grid([[3, 1], [0, 2]], ["<b>a long name for a class</b>", "dog"])
    titles = [e.text for e in read(svg).iter("title")]
    assert "true <b>a long name for a class</b>, predicted dog: 1 of 4" in titles
    assert len([t for t in titles if t and t.startswith("true")]) == 3


def test_confusion_colour_is_the_share_of_the_row():
    """The stronger the colour, the larger the share: a full diagonal is opaque, half a row is not."""
    svg = confusion_grid([[4, 0], [1, 1]], ["a", "b"])
    full, half = (float(g[0].get("fill-opacity", "")) for g in drawn(svg, "g", "right"))
    assert (full, half) == (1.0, pytest.approx(0.575, abs=0.01))


def test_reliability_shows_filled_bins_and_the_direction_of_the_gap():
    """Empty bins are left out; where confidence is above accuracy the gap is marked as missing."""
    bins = [Bin(0, 0.5, 0, None, None), Bin(0.5, 0.75, 4, 0.7, 0.5), Bin(0.75, 1, 2, 0.8, 1.0)]
    svg = reliability(bins)
    assert [len(drawn(svg, "rect", style)) for style in ("bar", "below", "above", "count")] == [2, 1, 1, 2]
    assert "4 predictions, mean confidence 0.700, right 0.500" in svg
    assert read(reliability([])).tag == "svg"


@pytest.mark.parametrize("share", [(0.986, 0.968, 0.994), (1.0, 0.9, 1.0), (0.0, 0.0, 0.2), (0.5, 0.4999, 0.5001)])
def test_interval_holds_its_value(share):
    """The dot lies in the band, and the band in the picture."""
    svg = interval(*share)
    (band,), (dot,) = drawn(svg, "rect", "band"), drawn(svg, "circle", "dot")
    left, width, at = float(band.get("x", "")), float(band.get("width", "")), float(dot.get("cx", ""))
    assert 14 <= left <= at <= left + width + 0.02 <= 366.05
