"""evaluate.svg: what is drawn is escaped, and axes hold their values."""

from xml.etree import ElementTree

import pytest

from striate.evaluate.svg import add, drawing, finite, linear, logarithmic, shorten, written


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a & b", '"><img src=x>', "</svg>"])
def test_names_stay_text(name):
    """Whatever a name holds, it comes back as the same text, title and attribute, and adds no element."""
    picture = drawing(10, 10, name)
    add(picture, "text", name, name, data_name=name)
    read = ElementTree.fromstring(written(picture))
    assert [element.tag for element in read.iter()] == ["svg", "text", "title"]
    assert (read.get("aria-label"), read[0].get("data-name"), read[0].text, read[0][0].text) == (name,) * 4


@pytest.mark.parametrize(
    ("values", "limits"),
    [
        ([0.13, 0.87], (0, 1)),
        ([98.2, 99.9], (0, 100)),
        ([-3, 4.5], (-1e9, 1e9)),
        ([7], (0, 100)),
        ([0], (0, 1)),
        ([100], (0, 100)),
        ([1e-7, 2e-7], (0, 1)),
        ([5, 5, 5], (0, 9)),
    ],
    ids=str,
)
def test_linear_axis_holds_its_values(values, limits):
    """Every value and every tick lies between the ends, within the limits, and larger values lie further along."""
    axis = linear(values, 10, 110, limits=limits)
    assert limits[0] <= axis.low <= min(values) <= max(values) <= axis.high <= limits[1]
    assert all(10 - 1e-9 <= axis(v) <= 110 + 1e-9 for v in [*values, *axis.ticks])
    assert axis(axis.low) < axis(axis.high)
    assert 2 <= len(axis.ticks) <= 7


@pytest.mark.parametrize("values", [[0.02, 3], [1e-9, 1e6], [1, 1], [0.1, 100]], ids=str)
def test_logarithmic_axis_holds_its_values(values):
    """Equal ratios are equally long, ticks are powers of ten, and all lies between the ends."""
    axis = logarithmic(values, 200, 0)
    assert axis.low <= min(values) <= max(values) <= axis.high
    assert axis(1) - axis(10) == pytest.approx(axis(10) - axis(100))
    assert 2 <= len(axis.ticks) <= 6


def test_shorten_says_that_it_cut():
    """A text that fits is left alone; one that does not ends in a sign of omission and is as long as allowed."""
    assert shorten("cat", 3) == "cat"
    assert shorten("category", 4) == "cat…"


def test_finite_keeps_numbers_alone():
    """Words, nothing, infinity and NaN cannot be drawn."""
    assert finite([1, "2", None, float("nan"), float("inf"), 0.5]) == [1.0, 0.5]
