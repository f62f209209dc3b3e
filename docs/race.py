"""Draw whole networks as programs against the other ways to run them, from the benchmarks' records.

Run as `make figures`; a test compares the picture with the record of today.
"""

import json
from pathlib import Path
from typing import Final

from striate.evaluate.svg import Element, add, drawing, linear, written

__all__ = ["race"]

DOCS: Final = Path(__file__).parent
RESULTS: Final = DOCS.parent / "bench/results"
OURS, THEIRS = "#215f9e", "#b4b9bf"
STYLE: Final = "text { font: 11.5px sans-serif; fill: #555; } text.title { font-size: 13px; fill: #222; }"
WIDTH, LINE, COLUMNS = 780, 18, 2


def race(batch: int = 1, threads: int = 1) -> str:
    """Draw a panel for each network and in it a bar for each way to run it, the fastest first."""
    record = json.loads((RESULTS / f"compile-{batch}-{threads}.json").read_text(encoding="utf-8"))
    columns = record["columns"]
    runners = columns[1 : columns.index("fastest rival")]
    networks = [dict(zip(columns, row, strict=True)) for row in record["rows"] if row[1]]
    each = 34 + LINE * len(runners)
    height = 30 + each * -(-len(networks) // COLUMNS)
    told = f"Milliseconds for {batch} image{'s' * (batch > 1)} on {threads} thread{'s' * (threads > 1)}"
    picture = drawing(WIDTH, height, told)
    picture.attrib |= {"xmlns": "http://www.w3.org/2000/svg", "width": str(WIDTH), "height": str(height)}
    add(picture, "style", STYLE)
    add(picture, "rect", width=WIDTH, height=height, fill="#ffffff")
    add(picture, "text", told, class_="title", x=10, y=18)
    for place, network in enumerate(networks):
        left, top = WIDTH // COLUMNS * (place % COLUMNS), 30 + each * (place // COLUMNS)
        panel = add(picture, "g", transform=f"translate({left} {top})")
        _panel(panel, network["milliseconds"], {name: float(network[name]) for name in runners if network[name]})
    return written(picture) + "\n"


def _panel(panel: Element, network: str, times: dict[str, float]) -> None:
    x = linear([0.0, max(times.values())], 150, 340)
    add(panel, "text", network, class_="title", x=150, y=20)
    for place, (name, time) in enumerate(sorted(times.items(), key=lambda one: one[1])):
        y, ours = 28 + LINE * place, name == "striate"
        add(panel, "text", name, x=142, y=y + 11, text_anchor="end", **({"style": "font-weight: bold"} if ours else {}))
        add(panel, "rect", x=x(0), y=y, width=x(time) - x(0), height=LINE - 5, fill=OURS if ours else THEIRS)
        add(panel, "text", f"{time:.3g}", x=x(time) + 5, y=y + 11)


def main() -> None:
    """Write it."""
    (DOCS / "figures/race.svg").write_text(race(), encoding="utf-8")


if __name__ == "__main__":
    main()
