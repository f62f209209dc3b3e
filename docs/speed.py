"""Draw the engine's speed from the benchmarks' records: by layer, under the machine's roofs, by size of kernel.

Run as `make figures`; a test compares the pictures with the records of today.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from striate.evaluate.svg import Element, add, drawing, linear, logarithmic, written

__all__ = ["crossover", "roofline", "speedup"]

DOCS: Final = Path(__file__).parent
RESULTS: Final = DOCS.parent / "bench/results"
OURS, THEIRS, ROOF = "#215f9e", "#8d9299", "#d1495b"
STYLE: Final = "text { font: 11.5px sans-serif; fill: #555; } text.title { font-size: 13px; fill: #222; }"
NETWORKS: Final = ("resnet18", "resnet34", "resnet50", "vgg16", "alexnet", "zfnet")


def speedup(threads: int = 1) -> str:
    """Draw a bar for each layer at batch 1 and one at batch 8: how many times as fast as PyTorch's better layout."""
    one, eight = (_rows(f"convolution-{batch}-{threads}") for batch in (1, 8))
    bars = [
        (row["layer"], float(row["speed-up"]), float(many["speed-up"])) for row, many in zip(one, eight, strict=True)
    ]
    bars = [bar for bar in bars if "mean" not in bar[0]]
    height = 60 + 26 * len(bars)
    picture = _picture(780, height + 30, f"Speed-up of convolution layers over PyTorch, {_threads(threads)}")
    x = linear([0.0, max(max(bar[1:]) for bar in bars)], 190, 740)
    for tick in x.ticks:
        add(picture, "line", x1=x(tick), x2=x(tick), y1=44, y2=height, stroke="#ddd")
        add(picture, "text", f"{tick:g}", x=x(tick), y=height + 16, text_anchor="middle")
    for place, (layer, *ups) in enumerate(bars):
        y = 48 + 26 * place
        add(picture, "text", layer, x=182, y=y + 14, text_anchor="end")
        for below, (up, color) in enumerate(zip(ups, (OURS, THEIRS), strict=True)):
            add(picture, "rect", x=x(0), y=y + 10 * below, width=x(up) - x(0), height=9, fill=color)
            add(
                picture,
                "text",
                f"{up:.2f}",
                x=x(up) + 4,
                y=y + 8.5 + 10 * below,
                font_size="9.5px",
                style="font-size: 9.5px",
            )
    add(picture, "line", x1=x(1), x2=x(1), y1=44, y2=height, stroke=ROOF)
    _legend(picture, (("batch 1", OURS), ("batch 8", THEIRS), ("as fast as PyTorch", ROOF)), 190, 36)
    return written(picture) + "\n"


def roofline(threads: int = 1) -> str:
    """Draw each network's layers: operations a second by operations per byte, ours and PyTorch's, and the two roofs."""
    record = json.loads((RESULTS / f"layers-{threads}.json").read_text(encoding="utf-8"))
    rows, peaks = _rows(f"layers-{threads}"), record["peaks"]
    flops, reads = (
        peaks[f"{'one_thread_' * (threads == 1)}{what}_per_second"] / 1e9 for what in ("flops", "read_bytes")
    )
    picture = _picture(780, 560, f"Rooflines of six networks' convolution layers, {_threads(threads)}")
    _legend(picture, (("engine", OURS), ("PyTorch", THEIRS), ("peaks of this machine", ROOF)), 46, 36)
    for place, network in enumerate(NETWORKS):
        of = [row for row in rows if row["network"] == network]
        panel = add(picture, "g", transform=f"translate({255 * (place % 3)} {40 + 255 * (place // 3)})")
        _panel(panel, network, [[float(row[column]) for column in RATES] for row in of], flops, reads)
    return written(picture) + "\n"


def crossover(threads: int = 1) -> str:
    """Draw what each kind of algorithm takes by the size of the kernel, a panel for each number of channels."""
    rows = _rows(f"crossover-{threads}")
    picture = _picture(780, 620, f"Milliseconds by the kernel's width, {_threads(threads)}, one image of 64x64")
    _legend(picture, (*FAMILIES.items(), ("chosen", "#222")), 46, 36)
    for place, (channels, groups) in enumerate(dict.fromkeys((row["channels"], row["groups"]) for row in rows)):
        of = [row for row in rows if (row["channels"], row["groups"]) == (channels, groups)]
        panel = add(picture, "g", transform=f"translate({385 * (place % 2)} {46 + 285 * (place // 2)})")
        kind = "depthwise" if int(groups) > 1 else f"to {channels}"
        _crossed(panel, f"{channels} channels {kind}", of)
    return written(picture) + "\n"


FAMILIES: Final = {"direct": "#2a9d8f", "Winograd": "#e9a03b", "FFT": OURS, "PyTorch": THEIRS}


def _crossed(panel: Element, title: str, rows: Sequence[dict[str, Any]]) -> None:
    lines = {
        family: [(float(row["kernel"]), float(row[f"{family}, ms"])) for row in rows if row[f"{family}, ms"]]
        for family in FAMILIES
    }
    times = [time for points in lines.values() for _, time in points]
    x, y = linear([0.0, 32.0], 46, 370), logarithmic([min(times) / 1.5, max(times) * 1.5], 240, 20)
    add(panel, "text", title, class_="title", x=205, y=14, text_anchor="middle")
    for row in rows:
        at = float(row["kernel"])
        add(panel, "line", x1=x(at), x2=x(at), y1=20, y2=240, stroke="#eee")
        add(panel, "text", row["kernel"], x=x(at), y=254, text_anchor="middle")
    for tick in y.ticks:
        add(panel, "line", x1=46, x2=370, y1=y(tick), y2=y(tick), stroke="#eee")
        add(panel, "text", f"{tick:g}", x=42, y=y(tick) + 4, text_anchor="end")
    for family, points in lines.items():
        path = " ".join(f"{x(at):.1f},{y(time):.1f}" for at, time in points)
        add(panel, "polyline", points=path, fill="none", stroke=FAMILIES[family], stroke_width=1.8)
        for at, time in points:
            add(panel, "circle", cx=x(at), cy=y(time), r=2.5, fill=FAMILIES[family])
    for row in rows:
        chosen = _family(row["planner"])
        if row[f"{chosen}, ms"]:
            at, time = x(float(row["kernel"])), y(float(row[f"{chosen}, ms"]))
            add(panel, "circle", cx=at, cy=time, r=6, fill="none", stroke="#222", stroke_width=1.2)


def _family(algorithm: str) -> str:
    """Say what kind an algorithm is; those that are none of the others add up products directly."""
    return {"torch": "PyTorch", "winograd": "Winograd", "fft": "FFT"}.get(algorithm.split("-")[0], "direct")


RATES: Final = ("operations per byte", "engine, GFLOP/s", "PyTorch, GFLOP/s")


def _panel(panel: Element, network: str, points: Sequence[Sequence[float]], flops: float, reads: float) -> None:
    x, y = logarithmic([1.0, 999.0], 46, 240), logarithmic([1.0, 2 * flops], 220, 20)
    add(panel, "text", network, class_="title", x=143, y=14, text_anchor="middle")
    for tick in x.ticks:
        add(panel, "line", x1=x(tick), x2=x(tick), y1=20, y2=220, stroke="#eee")
        add(panel, "text", f"{tick:g}", x=x(tick), y=234, text_anchor="middle")
    for tick in y.ticks:
        add(panel, "line", x1=46, x2=240, y1=y(tick), y2=y(tick), stroke="#eee")
        add(panel, "text", f"{tick:g}", x=42, y=y(tick) + 4, text_anchor="end")
    ridge = flops / reads
    corners = [(max(1.0, 1 / reads), reads * max(1.0, 1 / reads)), (ridge, flops), (x.high, flops)]
    roof = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in corners)
    add(panel, "polyline", points=roof, fill="none", stroke=ROOF, stroke_width=1.5)
    for at, *rates in points:
        for rate, color in zip(reversed(rates), (THEIRS, OURS), strict=True):
            add(panel, "circle", cx=x(at), cy=y(rate), r=3.5, fill=color, fill_opacity=0.75)
    add(panel, "text", "operations per byte", x=143, y=248, text_anchor="middle", style="font-size: 9.5px")
    add(panel, "text", "GFLOP/s", x=2, y=14, style="font-size: 9.5px")


def _picture(width: int, height: int, label: str) -> Element:
    picture = drawing(width, height, label)
    picture.attrib |= {"xmlns": "http://www.w3.org/2000/svg", "width": str(width), "height": str(height)}
    add(picture, "style", STYLE)
    add(picture, "rect", width=width, height=height, fill="#ffffff")
    add(picture, "text", label, class_="title", x=10, y=18)
    return picture


def _legend(picture: Element, entries: Sequence[tuple[str, str]], x: float, y: float) -> None:
    for name, color in entries:
        add(picture, "rect", x=x, y=y - 9, width=10, height=10, fill=color)
        add(picture, "text", name, x=x + 15, y=y)
        x += 40 + 7 * len(name)


def _rows(name: str) -> list[dict[str, Any]]:
    """Read a record's rows, each by the names of the columns."""
    record = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return [dict(zip(record["columns"], row, strict=True)) for row in record["rows"]]


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count > 1)}"


def main() -> None:
    """Write all."""
    (DOCS / "figures/engine_speedup.svg").write_text(speedup(), encoding="utf-8")
    (DOCS / "figures/engine_roofline.svg").write_text(roofline(), encoding="utf-8")
    (DOCS / "figures/engine_crossover.svg").write_text(crossover(), encoding="utf-8")


if __name__ == "__main__":
    main()
