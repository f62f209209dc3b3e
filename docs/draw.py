"""Draw every convolution by asking it: which input feeds which output through which weight.

To add one: a line in `FIGURES`; what takes several passes has one figure for each, `then` the next.
Run as `make figures`; a test compares the pictures with what the code does today.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from striate import ops

__all__ = ["FIGURES", "Figure", "edges", "svg", "write"]

FOLDER = Path(__file__).parent / "figures"
WIDTH, HEIGHT, PASS, STEP, RADIUS = 620, 190, 98, 44, 11


@dataclass(frozen=True)
class Figure:
    """One convolution along one axis.

    Args:
        title: What it shows.
        call: The convolution: input and weight to output.
        size: Samples of the input.
        weight: Shape of the weight; its longest spatial axis are the taps of one kernel.
        channels: Channels of the input; or rows of an image, where the other axis is drawn as well.
        then: What is done with the output in another pass, drawn above.
    """

    title: str
    call: Callable[[Tensor, Tensor], Tensor]
    size: int
    weight: tuple[int, ...]
    channels: int = 1
    then: "Figure | None" = None


def _height_pass(x: Tensor, a: Tensor) -> Tensor:
    """Ask for the pass along the height by itself: that along the width does nothing."""
    return ops.separable_conv2d(x[:, None], [a, torch.ones(1, 1, 1, 1)])[:, 0]


def _width_pass(x: Tensor, b: Tensor) -> Tensor:
    """Ask for the pass along the width by itself."""
    return ops.separable_conv2d(x[:, None], [torch.ones(1, 1, 1, 1), b])[:, 0]


# name: figure. The page `every_convolution.md` shows them all.
FIGURES = {
    "valid": Figure("shared, 'valid': one kernel of three weights", ops.conv1d, 7, (1, 1, 3)),
    "same": Figure(
        "shared, 'same': as many outputs as inputs", lambda x, w: ops.conv1d(x, w, padding="same"), 7, (1, 1, 3)
    ),
    "full": Figure(
        "shared, 'full': every weight meets every input", lambda x, w: ops.conv1d(x, w, padding="full"), 5, (1, 1, 3)
    ),
    "strided": Figure("stride 2: every other position", lambda x, w: ops.conv1d(x, w, stride=2), 9, (1, 1, 3)),
    "dilated": Figure("dilation 2: a gap between the taps", lambda x, w: ops.conv1d(x, w, dilation=2), 9, (1, 1, 3)),
    "circular": Figure(
        "circular padding: the ends meet",
        lambda x, w: ops.conv1d(x, w, padding="same", padding_mode="circular"),
        7,
        (1, 1, 3),
    ),
    "flipped": Figure(
        "flipped: the convolution of mathematics", lambda x, w: ops.conv1d(x, w, flip=True), 7, (1, 1, 3)
    ),
    "channels": Figure("two channels in, two out: every pair has a kernel", ops.conv1d, 5, (2, 2, 2), channels=2),
    "depthwise": Figure(
        "depthwise: each channel by itself", lambda x, w: ops.conv1d(x, w, groups=2), 5, (2, 1, 2), channels=2
    ),
    "separable": Figure(
        "separable: three rows of an image side by side; one vector down, one across",
        _height_pass,
        5,
        (1, 1, 3, 1),
        channels=3,
        then=Figure("across", _width_pass, 5, (1, 1, 1, 3)),
    ),
    "depthwise_separable": Figure(
        "depthwise-separable: filter each channel, then mix them position by position",
        lambda x, w: ops.depthwise_separable_conv1d(x, w, torch.eye(2)[:, :, None]),
        5,
        (2, 1, 2),
        channels=2,
        then=Figure(
            "mix", lambda x, w: ops.depthwise_separable_conv1d(x, torch.ones(2, 1, 1), w), 4, (2, 2, 1), channels=2
        ),
    ),
    "unshared": Figure("unshared: every position has a kernel of its own", ops.unshared_conv1d, 7, (5, 1, 1, 3)),
    "tiled": Figure("tiled, t = 2: two kernels take turns", ops.tiled_conv1d, 7, (2, 1, 1, 3)),
    "transposed": Figure(
        "transposed, stride 2: the way back", lambda x, w: ops.conv_transpose1d(x, w, stride=2), 4, (1, 1, 3)
    ),
    "unshared_transposed": Figure(
        "unshared, transposed", lambda x, w: ops.unshared_conv_transpose1d(x, w, stride=2), 4, (4, 1, 1, 3)
    ),
    "tiled_transposed": Figure(
        "tiled, transposed, t = 2", lambda x, w: ops.tiled_conv_transpose1d(x, w, stride=2), 4, (2, 1, 1, 3)
    ),
}


def edges(figure: Figure) -> list[tuple[int, int, int]]:
    """Find the connections (input, output, weight): set one input and one weight to 1, and see which outputs are."""
    inputs = torch.eye(figure.channels * figure.size).unflatten(1, (figure.channels, figure.size))
    count = torch.Size(figure.weight).numel()
    found: list[tuple[int, int, int]] = []
    for index, weight in enumerate(torch.eye(count)):
        output = figure.call(inputs, weight.view(figure.weight)).flatten(1)
        found += [(int(i), int(o), index) for i, o in output.nonzero()]
    return found


def svg(figure: Figure) -> str:
    """Draw one figure: inputs below, outputs above, a line for every product."""
    passes = _passes(figure)
    height = HEIGHT + PASS * (len(passes) - 1)
    levels = [height - 40 - PASS * i for i in range(len(passes) + 1)]
    rows = [_row(p.channels, p.size) for p in passes]
    output = passes[-1].call(torch.zeros(1, passes[-1].channels, passes[-1].size), torch.zeros(passes[-1].weight))
    rows.append(_row(output.shape[1], output.shape[2]))
    colours = _colours(passes)
    lines = [
        f'<line x1="{rows[n][i]:g}" y1="{levels[n]}" x2="{rows[n + 1][o]:g}" y2="{levels[n + 1]}" '
        f'stroke="{colours[n][w]}" stroke-width="2.4"/>'
        for n, one in enumerate(passes)
        for i, o, w in edges(one)
    ]
    fills = ["#f2f2f2"] * len(passes) + ["#ffffff"]
    dots = [_dot(x, y, fill) for row, y, fill in zip(rows, levels, fills, strict=True) for x in row]
    words = [_words(14, 20, figure.title, 15), _words(14, levels[-1] + 5, "output", 12)]
    words += [_words(14, y + 5, "between", 12) for y in levels[1:-1]] + [_words(14, levels[0] + 5, "input", 12)]
    flat = [colour for own in colours for colour in own]
    legend = [
        f'<rect x="{WIDTH - 16 - 15 * (len(flat) - w):g}" y="{height - 17}" width="13" height="9" fill="{colour}"/>'
        for w, colour in enumerate(flat)
    ]
    legend.append(_words(14, height - 8, f"{len(flat)} weights, {len(lines)} products", 12))
    body = "\n".join([*lines, *dots, *words, *legend])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{figure.title.replace(chr(39), "")}">\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _passes(figure: Figure) -> list[Figure]:
    return [figure] + (_passes(figure.then) if figure.then else [])


def _colours(passes: Sequence[Figure]) -> list[list[str]]:
    """Give every weight of every pass its colour."""
    taps = [max(p.weight[2:]) for p in passes]
    counts = [torch.Size(p.weight).numel() // n for p, n in zip(passes, taps, strict=True)]
    before = [sum(counts[:i]) for i in range(len(counts))]
    return [
        [_colour(start * n + w, n, sum(counts)) for w in range(count * n)]
        for start, n, count in zip(before, taps, counts, strict=True)
    ]


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


def _dot(x: float, y: float, fill: str) -> str:
    return f'<circle cx="{x:g}" cy="{y:g}" r="{RADIUS}" fill="{fill}" stroke="#333333" stroke-width="1.5"/>'


def _words(x: float, y: float, text: str, size: int) -> str:
    return f'<text x="{x:g}" y="{y:g}" font-family="sans-serif" font-size="{size}" fill="#222222">{text}</text>'


def write() -> None:
    """Write every figure beside the page."""
    FOLDER.mkdir(exist_ok=True)
    for name, figure in FIGURES.items():
        (FOLDER / f"{name}.svg").write_text(svg(figure))


if __name__ == "__main__":
    write()
