"""docs/race: the picture is what was recorded, and the pages show it."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from docs.race import RESULTS, race

ROOT = Path(__file__).parents[1]


def test_the_picture_is_what_was_recorded():
    """`make figures` renews it after the benchmark."""
    assert (ROOT / "docs/figures/race.svg").read_text() == race()


@pytest.mark.parametrize(
    ("page", "path"), [("README.md", "docs/figures/race.svg"), ("docs/compile.md", "figures/race.svg")]
)
def test_the_pages_show_it(page, path):
    """Beside the table of the same record."""
    text = (ROOT / page).read_text()
    assert f"({path})" in text
    assert "<!-- table: compile-1-1 -->" in text


def test_every_time_has_a_bar():
    """Of every network, and of every way to run it that there is a time for."""
    record = json.loads((RESULTS / "compile-1-1.json").read_text())
    end = record["columns"].index("fastest rival")
    times = [cell for row in record["rows"] for cell in row[1:end] if cell]
    bars = [e for e in ElementTree.fromstring(race()).iter() if e.tag.endswith("rect")]
    assert len(bars) == len(times) + 1  # and the paper
