"""docs/draw: the pictures show what the convolutions do today, and the page shows every picture."""

import re
from pathlib import Path

import pytest
import torch
from docs.draw import answers, edges, slopes, svg
from docs.variants import FIGURES, Figure

from striate.ops import conv2d, local_contrast_norm, max_pool1d

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


def test_slopes_are_found_where_the_function_has_them():
    """The thick lines of max pooling are its switches, all samples under a window have one; a mean's are alike."""
    figure = FIGURES["max_pool"]
    x = torch.tensor([figure.values])
    found = slopes(figure, x)
    _, switches = max_pool1d(x, 3, 2, return_indices=True)
    assert sorted((i, o) for i, o, _ in found) == sorted((2 * p + s, p) for p in range(3) for s in range(3))
    assert [(i, o, slope) for i, o, slope in found if slope] == [(int(i), o, 1.0) for o, i in enumerate(switches[0])]
    mean = FIGURES["global_pool"]
    assert [slope for _, _, slope in slopes(mean, torch.tensor(mean.values))] == pytest.approx([1 / 7] * 7)


def test_the_numbers_are_what_each_pass_makes():
    """Two passes of contrast normalisation end where one call does, and so do the values in the dots."""
    figure = FIGURES["contrast_norm"]
    _, between, output = answers([figure, figure.then])
    x = torch.tensor(figure.values, dtype=torch.float64).view(1, 1, -1)
    assert between.equal(local_contrast_norm(x, 3, divisive=False))
    assert output.allclose(local_contrast_norm(x, 3, threshold=0.5))
    _, pooled, back = answers([FIGURES["unpool"], FIGURES["unpool"].then])
    assert pooled.flatten().tolist() == [7, 4, 6]
    assert back.flatten().tolist() == [0, 7, 0, 0, 4, 6, 0]


@pytest.mark.parametrize(("overlap", "shared"), [("sum", 9), ("max", 5), ("last", 4)])
def test_overlaps_are_drawn_as_they_are_treated(overlap, shared):
    """Two maxima of 5 and 4 come from one sample."""
    assert answers([FIGURES[f"unpool_{overlap}"]])[1].flatten().tolist() == [0, 3, 0, shared, 0, 2]


@pytest.mark.parametrize(("kind", "biases"), [("channel", 2), ("tile", 4), ("location", 10)])
def test_every_output_has_the_colour_of_its_bias(kind, biases):
    """As many colours as biases, on ten outputs; seven inputs are grey."""
    fills = re.findall(r'<circle[^>]* fill="([^"]+)"', svg(FIGURES[f"bias_{kind}"]))
    assert fills.count("#f2f2f2") == 7
    outputs = [fill for fill in fills if fill.startswith("hsl")]
    assert len(outputs) == 10
    assert len(set(outputs)) == biases
