"""docs/speed: the pictures are what was recorded, and the page shows them."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from docs.speed import crossover, roofline, speedup

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize(
    ("name", "draw"), [("engine_speedup", speedup), ("engine_roofline", roofline), ("engine_crossover", crossover)]
)
def test_the_picture_is_what_was_recorded(name, draw):
    """`make figures` renews it after the benchmarks."""
    assert (DOCS / f"figures/{name}.svg").read_text() == draw()
    assert f"(figures/{name}.svg)" in (DOCS / "engine.md").read_text()


def test_every_layer_has_two_bars():
    """Batches of 1 and of 8, each with its number."""
    picture = ElementTree.fromstring(speedup())
    texts = [element.text or "" for element in picture.iter() if element.tag.endswith("text")]
    layers = [text for text in texts if re.match(r"\d+x\d+ ", text)]
    assert len(layers) == 28
    assert sum(bool(re.fullmatch(r"\d+\.\d\d", text)) for text in texts) == 2 * len(layers)
