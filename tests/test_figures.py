"""docs/draw: the pictures show what the convolutions do today, and the page shows every picture."""

import re
from pathlib import Path

import pytest
import torch
from docs.draw import FIGURES, Figure, edges, svg

from striate.ops import conv2d

DOCS = Path(__file__).parents[1] / "docs"
figures = pytest.mark.parametrize("name", FIGURES)


@figures
def test_the_picture_is_what_the_code_does(name):
    """The file is what is drawn from the functions now; `make figures` renews it."""
    assert (DOCS / f"figures/{name}.svg").read_text() == svg(FIGURES[name])


@figures
def test_the_page_shows_it(name):
    """No variant is drawn that the page leaves out."""
    assert f"(figures/{name}.svg)" in (DOCS / "every_convolution.md").read_text()


def test_lines_are_products():
    """'valid' connects position p with p, p + 1 and p + 2 through the three weights in order."""
    assert sorted(edges(FIGURES["valid"])) == sorted((p + s, p, s) for p in range(5) for s in range(3))
    assert sorted(edges(FIGURES["tiled"])) == sorted((p + s, p, 3 * (p % 2) + s) for p in range(5) for s in range(3))


def test_passes_one_after_the_other_connect_what_the_convolution_does():
    """Each pass is drawn by itself; the ways through both are the products of the dense kernel, each input once."""
    first, second = FIGURES["separable"], FIGURES["separable"].then
    ways = sorted((i, o) for i, m, _ in edges(first) for n, o, _ in edges(second) if m == n)
    dense = lambda x, w: conv2d(x[:, None], w)[:, 0]  # noqa: E731
    assert ways == sorted((i, o) for i, o, _ in edges(Figure("dense", dense, 5, (1, 1, 3, 3), channels=3)))
    mixed = {(m // 4, o // 4) for m, o, _ in edges(FIGURES["depthwise_separable"].then)}
    assert mixed == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_every_example_of_the_page_runs():
    """Each snippet runs as it stands."""
    for snippet in re.findall(r"```python\n(.*?)```", (DOCS / "every_convolution.md").read_text(), re.DOTALL):
        torch.manual_seed(0)
        exec(compile(snippet, "every_convolution.md", "exec"), {})
