"""explain.chart: every value lies where its axis says."""

from xml.etree import ElementTree

from striate.explain.chart import lines


def parsed(*arguments, **settings):
    return ElementTree.fromstring(lines(*arguments, **settings))


def test_lines_rise_with_their_values():
    """One line a name, a point an amount, higher values higher up; the numbers are told when it is touched."""
    picture = parsed([0, 10, 20], {"conv1": [0, 0.5, 1], "fc": [0, 0.1, 0.2]}, label="distance", unit="degrees")
    first, second = picture.iter("polyline")
    points = [tuple(map(float, point.split(","))) for point in first.get("points").split()]
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert [y for _, y in points] == sorted((y for _, y in points), reverse=True)
    assert second.find("title").text == "fc: 0: 0, 10: 0.1, 20: 0.2"
    words = [text.text for text in picture.iter("text")]
    assert {"degrees", "conv1", "fc", "0", "10", "20"} <= set(words)


def test_names_stay_text_and_zeros_are_drawn():
    """Whatever a layer is called; and where nothing moves there is an axis all the same."""
    picture = parsed([-1, 1], {"<b>": [0, 0]}, label="x", unit="y")
    assert "<b>" in [text.text for text in picture.iter("text")]
    (line,) = picture.iter("polyline")
    assert "nan" not in line.get("points", "")


def test_a_share_has_a_whole_axis():
    """With a limit, the axis ends there."""
    picture = parsed([0, 1], {"p": [0.2, 0.3]}, label="probability", unit="y", limit=1.0)
    assert "1" in [text.text for text in picture.iter("text")]
