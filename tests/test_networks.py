"""docs/networks: the page of the networks is what the networks are today."""

import re
from pathlib import Path

import pytest
from docs.networks import PUBLISHED, figure, page

from striate.models import MODELS

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "models.md").read_text()


def test_the_page_is_what_the_networks_are():
    """Counts, errors and departures; `make pages` renews them."""
    assert page(PAGE) == PAGE


def test_the_figure_is_what_was_recorded():
    """The curves of bench/results/degradation-curves.json."""
    assert (DOCS / "figures/degradation.svg").read_text() == figure()


@pytest.mark.parametrize("name", MODELS)
def test_every_network_is_there_with_its_departures(name):
    """In the table, and in the list of departures, where its file says at least one thing."""
    assert f"\n| `{name}` | " in PAGE
    assert re.search(rf"^(?:`[\w-]+`, )*`{name}`(?:, `[\w-]+`)*:\n\n- \w", PAGE, re.MULTILINE)


def test_errors_are_percentages_by_rank():
    """The right class is more often among the first five than first."""
    for several in PUBLISHED.values():
        for one in several:
            assert 0 < float(one.top1) < 50
            assert not one.top5 or float(one.top5) < float(one.top1)


def test_what_is_written_by_hand_stays():
    """Only regions are filled, and an old filling is not kept."""
    text = "Before.\n<!-- networks: errors -->\nold\n<!-- end -->\nAfter.\n<!-- table: x -->\nkept\n<!-- end -->\n"
    filled = page(text)
    assert filled.startswith("Before.\n<!-- networks: errors -->\n\n| name |")
    assert filled.endswith("|\n\n<!-- end -->\nAfter.\n<!-- table: x -->\nkept\n<!-- end -->\n")
    assert "old\n" not in filled
