"""docs.looks: every picture of the page on looking inside is made by it, and shown there."""

from pathlib import Path

import numpy as np
import pytest
from docs.looks import FIGURES, photographs, row, side_of
from PIL import Image

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_shows_every_picture():
    """No more and no fewer than are made."""
    page = (DOCS / "explain.md").read_text()
    assert all(f"(figures/{name}.png)" in page for name in FIGURES)
    assert page.count("(figures/") == len(FIGURES)
    assert {path.stem for path in (DOCS / "figures").glob("look_*.png")} == set(FIGURES)


@pytest.mark.parametrize(("name", "figure"), FIGURES.items(), ids=list(FIGURES))
def test_a_picture_has_room_for_all_its_parts(name, figure):
    """In so many columns."""
    _, parts, columns = figure
    with Image.open(DOCS / f"figures/{name}.png") as picture:
        rows, side = -(-len(parts) // columns), side_of(columns)
        assert picture.width == columns * (side + 10) - 10
        tallest, left = divmod(picture.height + 10, rows)
        assert left == 0
        assert 32 < tallest <= side + 32


def test_parts_lie_side_by_side(tmp_path):
    """Each at its place, pixel by pixel."""
    files = [tmp_path / f"{i}.png" for i in range(3)]
    for i, path in enumerate(files):
        Image.fromarray(np.full((4, 4, 3), 60 * i, np.uint8)).save(path)
    made, side = np.asarray(row([(path, "x") for path in files], 2)), side_of(2)
    assert made.shape == (2 * (side + 32) - 10, 2 * (side + 10) - 10, 3)
    assert [int(made[y, x, 0]) for y, x in ((40, 40), (40, side + 50), (side + 72, 40))] == [0, 60, 120]


def test_pieces_are_cut_from_the_photographs(tmp_path):
    """As many of each, of one size; the same every time."""
    files = photographs(tmp_path, count=2, side=20)
    assert [path.name for path in files] == ["china.png", "flower.png"]
    pieces = sorted(tmp_path.glob("pieces/*/*.png"))
    assert [path.parent.name for path in pieces] == ["china", "china", "flower", "flower"]
    with Image.open(pieces[0]) as piece:
        assert piece.size == (20, 20)
