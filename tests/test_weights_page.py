"""docs/weights.md: its table is the table of the code."""

from docs.list_weights import PAGE, filled

from striate.models.weights import WEIGHTS


def test_the_page_is_what_the_code_says():
    """`make figures` renews it."""
    page = PAGE.read_text()
    assert page == filled(page)


def test_a_changed_figure_is_noticed():
    """The comparison can fail."""
    page = PAGE.read_text().replace("80.86 %", "80.87 %")
    assert page != filled(page)


def test_every_row_is_there_with_all_that_proves_it():
    """Network, name, address and digest."""
    page = PAGE.read_text()
    for row in WEIGHTS:
        assert f"| `{row.model}` | `{row.name}` |" in page
        assert f"]({row.url}), {row.algorithm} `{row.digest[:8]}" in page
