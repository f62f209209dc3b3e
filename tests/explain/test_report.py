"""explain.report: one file, nothing loaded, one script that is the page's own, whatever the names hold."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from striate.errors import RunError
from striate.explain.chart import lines
from striate.explain.explanation import Reading
from striate.explain.rendering import SHOWN
from striate.explain.report import (
    SCRIPT,
    Chart,
    Exciting,
    LayerShown,
    Page,
    Shown,
    Story,
    View,
    render,
    write_report,
)

PIXELS = np.zeros((8, 8, 3), np.uint8)
HOSTILE = "<script>alert('x')</script>\" onload=\"y"


class Parsed(HTMLParser):
    """The elements, their attributes and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def page(name: str) -> Page:
    """A page on which every piece of text is `name`."""
    reading = Reading(True, name, f"legend {name}", f"caption {name}", f"assumption {name}", f"sanity {name}")
    views = [
        View(f"m{i}{name}", name, PIXELS, way.laid(torch.zeros(3, 8, 8)), way, reading)
        for i, way in enumerate(SHOWN.values())
    ]
    story = Story(name, PIXELS, [(name, 0.9), (name, 0.1)], name, views, [(name, PIXELS)])
    excited = [Exciting(3, PIXELS, PIXELS, PIXELS, (2.0, 1.0), (name,)), Exciting(4, None, None, PIXELS)]
    layer = LayerShown(name, name, name, name, Shown(PIXELS, name, name, name), excited)
    chart = Chart(name, lines([0, 1], {name: [0, 1]}, label=name, unit=name))
    words = {"maps_legend": name, "wished_legend": name, "wished_caption": name}
    return Page(name, name, name, [name], [layer, layer], [story], [chart], name, name, name, **words)


def test_page_loads_nothing_and_runs_its_one_script():
    """No address but data: and those within the page; a policy that names the script by its digest."""
    html = render(page("plain"))
    parsed = Parsed(html)
    tags = [tag for tag, _ in parsed.elements]
    assert tags.count("script") == 1
    assert not set(tags) & {"iframe", "object", "embed", "base"}
    addresses = [v or "" for _, attributes in parsed.elements for n, v in attributes.items() if n in ("src", "href")]
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert not re.search(r"url\(|@import|https?://", html)
    (policy,) = [a["content"] or "" for t, a in parsed.elements if t == "meta" and "http-equiv" in a]
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert script == SCRIPT


@pytest.mark.parametrize("name", [HOSTILE, "a & b", "</style>", "{{ page }}"])
def test_names_stay_text(name):
    """Whatever a file, a class or a layer is called, it adds no element and no attribute."""
    plain, odd = Parsed(render(page("plain"))), Parsed(render(page(name)))
    assert [tag for tag, _ in plain.elements] == [tag for tag, _ in odd.elements]
    assert not any("onload" in attributes for _, attributes in odd.elements)
    assert name in odd.text


def test_every_picture_has_its_legend_and_its_reading():
    """A key of the colours beside each map; how to read each method, and how not to; every image has words."""
    parsed = Parsed(render(page("plain")))
    assert all(a.get("alt") for t, a in parsed.elements if t == "img")
    keys = [a for t, a in parsed.elements if t == "div" and a.get("class") == "key"]
    assert len(keys) == 2 * len(SHOWN)
    for word in ("caption plain", "assumption plain", "sanity plain"):
        assert parsed.text.count(word) == len(SHOWN)
    assert "Legend plain." in parsed.text
    assert "Middle grey is zero" in parsed.text


def test_what_is_empty_is_left_out():
    """A page of a network without data or images has its layers alone."""
    bare = Page("Inside lenet5", "lenet5", "random", ["It has random weights."])
    text = Parsed(render(bare)).text
    assert "It has random weights." in text
    for heading in ("The images, explained", "How to read them", "Shifted", "To repeat it"):
        assert heading not in text
    assert "Left:" not in Parsed(render(replace(page("x"), layers=[LayerShown("a", "b", "c", "d")]))).text


@pytest.mark.refusal
def test_the_file_is_written_in_one_instant(tmp_path):
    """A place that cannot be written is an error of ours, and leaves nothing."""
    write_report(tmp_path / "explain.html", page("plain"))
    assert (tmp_path / "explain.html").read_text() == render(page("plain"))
    with pytest.raises(RunError, match="explain: the system refuses to write"):
        write_report(tmp_path / "none" / "explain.html", page("plain"))
    assert [path.name for path in tmp_path.iterdir()] == ["explain.html"]


def test_a_wrong_answer_is_marked():
    """A right one is not."""
    story = Story("a.png", PIXELS, [("1", 0.9)], "8")
    wrong, right = (
        Parsed(render(Page("t", "m", "w", stories=[one]))).text for one in (story, replace(story, truth="1"))
    )
    assert "It is 8; taken for 1." in wrong
    assert "It is 1." in right
    assert "taken for" not in right


def test_pieces_are_explained_wherever_they_are():
    """Once, though the first layer has none; and of how many maps they are is said."""
    wish, found = Exciting(0, wished=PIXELS), Exciting(1, PIXELS, PIXELS, PIXELS)
    layers = [
        LayerShown("a", "b", "c", "d", exciting=[wish], maps=6),
        LayerShown("e", "b", "c", "d", None, [found], 64),
    ]
    text = Parsed(render(Page("t", "m", "w", layers=layers))).text
    assert [text.count(word) for word in ("Left:", "Beside them:", "Right:")] == [1, 1, 1]
    assert "1 of its 6 maps, chosen evenly spread" in text
    assert "1 of its 64 maps, chosen evenly spread" in text


def test_a_page_without_an_explained_image_says_so():
    """And how to get one."""
    told = "No image is explained here: name some with --images."
    assert told in Parsed(render(Page("t", "m", "w"))).text
    assert told not in Parsed(render(page("x"))).text
