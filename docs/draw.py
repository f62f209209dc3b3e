"""Draw every convolution, pooling and normalisation by asking it: which input feeds which output, through what.

What has weights is asked for its products; what has none for its slopes, at values that the picture shows.
The table of what is drawn is in `variants.py`.
Run as `make figures`; a test compares the pictures with what the code does today.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from docs.variants import FIGURES, Figure
from torch import Tensor

__all__ = ["answers", "edges", "slopes", "svg", "write"]

FOLDER = Path(__file__).parent / "figures"
WIDTH, HEIGHT, PASS, STEP, RADIUS = 620, 190, 98, 44, 11
RAISES, LOWERS, IDLE = "#3066be", "#d1495b", "#b0b0b0"
MEANINGS = {RAISES: "blue raises the output", LOWERS: "red lowers it", IDLE: "dashed would, if greater"}


def edges(figure: Figure) -> list[tuple[int, int, int]]:
    """Find the connections (input, output, weight): set one input and one weight to 1, and see which outputs are."""
    inputs = torch.eye(figure.channels * figure.size).unflatten(1, (figure.channels, figure.size))
    count = torch.Size(figure.weight).numel()
    found: list[tuple[int, int, int]] = []
    for index, weight in enumerate(torch.eye(count)):
        output = figure.call(inputs, weight.view(figure.weight)).flatten(1)
        found += [(int(i), int(o), index) for i, o in output.nonzero()]
    return found


def slopes(figure: Figure, values: Tensor) -> list[tuple[int, int, float]]:
    """Find the connections (input, output, slope): outputs that a little more, or far more, of an input changes."""
    at = values.reshape(1, figure.channels, figure.size)
    slope = torch.autograd.functional.jacobian(lambda x: figure.call(x).flatten(), at).flatten(1)
    more = torch.eye(at.numel(), dtype=at.dtype).unflatten(1, at.shape[1:]) * 99
    felt = (figure.call(at + more) != figure.call(at)).flatten(1) | (slope.T != 0)
    return [(int(i), int(o), float(slope[o, i])) for i, o in felt.nonzero()]


def answers(passes: Sequence[Figure]) -> list[Tensor | None]:
    """Give the values of the input and behind each pass, where there are any."""
    levels: list[Tensor | None] = [None] * (len(passes) + 1)
    for n, one in enumerate(passes):
        if one.values:
            levels[n] = torch.tensor(one.values, dtype=torch.float64).view(1, one.channels, one.size)
        if not one.weight:
            levels[n + 1] = one.call(levels[n])
    return levels


def svg(figure: Figure) -> str:
    """Draw one figure: inputs below, outputs above, a line for every product or slope."""
    passes = _passes(figure)
    height = HEIGHT + PASS * (len(passes) - 1)
    levels = [height - 40 - PASS * i for i in range(len(passes) + 1)]
    values = answers(passes)
    rows = [_row(p.channels, p.size) for p in passes]
    rows.append(_row(*_output_size(passes[-1])))
    colours = _colours(passes)
    places = [list(zip(row, [y] * len(row), strict=True)) for row, y in zip(rows, levels, strict=True)]
    lines = [
        _line(places[n][i], places[n + 1][o], style)
        for n, one in enumerate(passes)
        for i, o, style in _strokes(one, values[n], colours[n])
    ]
    fills = [["#f2f2f2"] * len(row) for row in rows[:-1]] + [_fills(passes[-1], len(rows[-1]))]
    numbers = [[""] * len(row) if v is None else _numbers(v) for row, v in zip(rows, values, strict=True)]
    dots = [_dot(*dot) for level in zip(places, fills, numbers, strict=True) for dot in zip(*level, strict=True)]
    words = [_words(14, 20, figure.title, 15), _words(14, levels[-1] + 5, "output", 12)]
    words += [_words(14, y + 5, "between", 12) for y in levels[1:-1]] + [_words(14, levels[0] + 5, "input", 12)]
    body = "\n".join([*lines, *dots, *words, *_legend(figure, colours, lines, height)])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{figure.title.replace(chr(39), "")}">\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _passes(figure: Figure) -> list[Figure]:
    return [figure] + (_passes(figure.then) if figure.then else [])


def _output_size(figure: Figure) -> tuple[int, int]:
    weight = (torch.zeros(figure.weight),) if figure.weight else ()
    output = figure.call(torch.zeros(1, figure.channels, figure.size), *weight)
    return output.shape[1], output.shape[2]


def _strokes(figure: Figure, values: Tensor | None, colours: list[str]) -> list[tuple[int, int, str]]:
    """Say how each connection is drawn: a weight by its colour, a slope by its sign and its size."""
    if values is None:
        thin = f'stroke="{IDLE}" stroke-width="1"'
        return [
            (i, o, thin if figure.bias else f'stroke="{colours[w]}" stroke-width="2.4"') for i, o, w in edges(figure)
        ]
    found = slopes(figure, values)
    steepest = max(abs(slope) for _, _, slope in found)
    # Those that make no difference are drawn first, beneath the others.
    return [
        (i, o, f'stroke="{RAISES if slope > 0 else LOWERS}" stroke-width="{0.5 + 3 * abs(slope) / steepest:.1f}"')
        if slope
        else (i, o, f'stroke="{IDLE}" stroke-width="1.2" stroke-dasharray="4 3"')
        for i, o, slope in sorted(found, key=lambda one: one[2] != 0)
    ]


def _fills(figure: Figure, count: int) -> list[str]:
    """Colour every output as the bias that moves it; without one they are white."""
    fills = ["#ffffff"] * count
    zeros = torch.zeros(1, figure.channels, figure.size), torch.zeros(figure.weight)
    number = torch.Size(figure.bias).numel() if figure.bias else 0
    for b in range(number):
        moved = figure.call(*zeros, torch.eye(number)[b].view(figure.bias)).flatten()
        fills = [_bias_colour(b, number) if moved[o] else fill for o, fill in enumerate(fills)]
    return fills


def _colours(passes: Sequence[Figure]) -> list[list[str]]:
    """Give every weight of every pass its colour."""
    taps = [max(p.weight[2:], default=1) for p in passes]
    counts = [torch.Size(p.weight).numel() // n if p.weight else 0 for p, n in zip(passes, taps, strict=True)]
    before = [sum(counts[:i]) for i in range(len(counts))]
    return [
        [_colour(start * n + w, n, sum(counts)) for w in range(count * n)]
        for start, n, count in zip(before, taps, counts, strict=True)
    ]


def _legend(figure: Figure, colours: list[list[str]], lines: list[str], height: int) -> list[str]:
    """Count weights and products, or biases; where there are none, say what the lines mean."""
    flat = [colour for own in colours for colour in own]
    words = f"{len(flat)} weights, {len(lines)} products"
    if figure.bias:
        number = torch.Size(figure.bias).numel()
        flat, words = [_bias_colour(b, number) for b in range(number)], f"{number} biases"
    elif not flat:
        seen = [meaning for colour, meaning in MEANINGS.items() if any(colour in line for line in lines)]
        words = f"a line is as thick as its slope; {', '.join(seen)}"
    squares = [
        f'<rect x="{WIDTH - 16 - 15 * (len(flat) - w):g}" y="{height - 17}" width="13" height="9" fill="{colour}"/>'
        for w, colour in enumerate(flat)
    ]
    return [*squares, _words(14, height - 8, words, 12)]


def _row(channels: int, size: int) -> Sequence[float]:
    """Place the samples of all channels side by side, a gap between channels, in the middle."""
    length = channels * size + channels - 1
    step = min(STEP, (WIDTH - 90) / length)
    places = [c * (size + 1) + i for c in range(channels) for i in range(size)]
    return [(WIDTH + 50) / 2 + (place - (length - 1) / 2) * step for place in places]


def _colour(weight: int, taps: int, kernels: int) -> str:
    kernel, tap = divmod(weight, taps)
    # A single kernel shows its taps as colours; of several, each has a colour and its taps are shades.
    if kernels == 1:
        return ("#d1495b", "#2e7d6b", "#3066be")[tap]
    return f"hsl({kernel * 360 // kernels + 5}, 65%, {30 + 44 * tap // taps}%)"


def _bias_colour(bias: int, count: int) -> str:
    return f"hsl({bias * 360 // count + 5}, 60%, 62%)"


def _numbers(values: Tensor) -> list[str]:
    """Write values so short that they fit into the dots."""
    rounded = [round(v, 2 if abs(v) < 1 else 1) + 0.0 for v in values.flatten().tolist()]
    return [f"{v:g}".replace("0.", ".").replace("-", "\u2212") for v in rounded]


def _line(start: tuple[float, float], end: tuple[float, float], style: str) -> str:
    return f'<line x1="{start[0]:g}" y1="{start[1]:g}" x2="{end[0]:g}" y2="{end[1]:g}" {style}/>'


def _dot(place: tuple[float, float], fill: str, number: str) -> str:
    x, y = place
    circle = f'<circle cx="{x:g}" cy="{y:g}" r="{RADIUS}" fill="{fill}" stroke="#333333" stroke-width="1.5"/>'
    return circle + (number and _words(x, y + 3.5, number, 10 if len(number) < 4 else 9, "middle"))


def _words(x: float, y: float, text: str, size: int, anchor: str = "") -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-family="sans-serif" font-size="{size}" fill="#222222"'
        f"{anchor and f' text-anchor={chr(34)}{anchor}{chr(34)}'}>{text}</text>"
    )


def write() -> None:
    """Write every figure beside the page."""
    FOLDER.mkdir(exist_ok=True)
    for name, figure in FIGURES.items():
        (FOLDER / f"{name}.svg").write_text(svg(figure))


if __name__ == "__main__":
    write()
