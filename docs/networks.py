"""Write what docs/models.md says of the networks, from the networks: counts, published errors, departures.

Run as `make pages`; a test compares the page with what is written today. A region between `<!-- networks: NAME -->` and
`<!-- end -->` is filled by the function of that name; the rest of the page is written by hand.
"""

import inspect
import json
import re
import sys
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from striate.evaluate.charts import Curve, curves
from striate.models import MODELS, create, options_of, outline

__all__ = ["PUBLISHED", "Published", "figure", "page", "write"]

DOCS = Path(__file__).parent
CURVES = DOCS.parent / "bench/results/degradation-curves.json"


class Published(NamedTuple):
    """An error that was published for a network, in percent; `of` says how it was measured and for which form."""

    top1: str
    top5: str
    of: str
    source: str


AUTHORS, TORCHVISION = "the authors' repository, KaimingHe/deep-residual-networks", "torchvision's documentation"
TABLE2, TABLE3, TABLE4, TABLE6 = (f"He et al. 2016, table {number}" for number in (2, 3, 4, 6))
TEN, ONE, SCALES = "10 crops", "1 crop", "several scales, fully convolutional"
CIFAR, ZEILER = "CIFAR-10, test images", "Zeiler and Fergus 2014 (ECCV)"
ONNX_ZOO = "the ONNX model zoo"
V1, V2 = 'weights V1, `stride_on="3x3"`, 1 crop', 'weights V2, `stride_on="3x3"`, 1 crop, resized to 232'

# ImageNet's are of the 50,000 validation images of 2012, by one network. Networks that are not here have none.
PUBLISHED: dict[str, tuple[Published, ...]] = {
    "lenet5-1998": (Published("0.95", "", "MNIST, test images, trained without distortions", "LeCun et al. 1998"),),
    "alexnet-two-gpu": (Published("40.7", "18.2", TEN, "Krizhevsky et al. 2012, table 2"),),
    "alexnet-owt": (Published("43.48", "20.93", "weights V1, 1 crop", TORCHVISION),),
    "zfnet": (Published("38.4", "16.5", "figure 3", ZEILER),),
    "zfnet-b": (Published("37.5", "16.0", "layers 3 to 5 of 512, 1024 and 512 maps", ZEILER),),
    "zfnet-512": (Published("44.03", "20.59", "weights onnx-zoo, the whole picture as a square", ONNX_ZOO),),
    "resnet18": (
        Published("27.88", "", f'`shortcut="A"`, {TEN}', TABLE2),
        Published("30.24", "10.92", "weights V1, 1 crop", TORCHVISION),
    ),
    "resnet34": (
        Published("25.03", "7.76", f'`shortcut="A"`, {TEN}', TABLE3),
        Published("24.52", "7.46", TEN, TABLE3),
        Published("24.19", "7.40", f'`shortcut="C"`, {TEN}', TABLE3),
        Published("21.84", "5.71", SCALES, TABLE4),
        Published("21.53", "5.60", f'`shortcut="C"`, {SCALES}', TABLE4),
        Published("26.69", "8.58", "weights V1, 1 crop", TORCHVISION),
    ),
    "resnet50": (
        Published("24.7", "7.8", ONE, AUTHORS),
        Published("22.85", "6.71", TEN, TABLE3),
        Published("20.74", "5.25", SCALES, TABLE4),
        Published("23.87", "7.14", V1, TORCHVISION),
        Published("19.14", "4.57", V2, TORCHVISION),
    ),
    "resnet101": (
        Published("23.6", "7.1", ONE, AUTHORS),
        Published("21.75", "6.05", TEN, TABLE3),
        Published("19.87", "4.60", SCALES, TABLE4),
        Published("22.63", "6.45", V1, TORCHVISION),
        Published("18.11", "4.22", V2, TORCHVISION),
    ),
    "resnet152": (
        Published("23.0", "6.7", ONE, AUTHORS),
        Published("21.43", "5.71", TEN, TABLE3),
        Published("19.38", "4.49", SCALES, TABLE4),
        Published("21.69", "5.95", V1, TORCHVISION),
        Published("17.72", "4.00", V2, TORCHVISION),
    ),
    "plain18": (Published("27.94", "", TEN, TABLE2),),
    "plain34": (Published("28.54", "10.02", TEN, TABLE3),),
    "resnet20": (Published("8.75", "", CIFAR, TABLE6),),
    "resnet32": (Published("7.51", "", CIFAR, TABLE6),),
    "resnet44": (Published("7.17", "", CIFAR, TABLE6),),
    "resnet56": (Published("6.97", "", CIFAR, TABLE6),),
    "resnet110": (Published("6.43", "", CIFAR, TABLE6),),
}


def networks() -> str:
    """List every network with what it costs."""
    rows = [["name", "source", "images", "options", "multiply-adds", "parameters"]]
    for name, entry in MODELS.items():
        size = (entry.channels, *entry.image_size)
        with torch.device("meta"):
            found = outline(create(name), size)
        options = ", ".join(f"`{option}={default!r}`".replace("'", '"') for option, default in options_of(name).items())
        costs = [f"{found.multiply_adds / 1e6:,.1f} M", f"{found.parameters:,}"]
        rows.append([f"`{name}`", entry.source, " x ".join(map(str, size)), options, *costs])
    return _table(rows, "llllrr")


def published() -> str:
    """List what was published for the networks that there are."""
    rows = [["name", "top-1", "top-5", "measured", "source"]]
    rows += [[f"`{name}`", *one] for name in MODELS for one in PUBLISHED.get(name, ())]
    return _table(rows, "lrrll")


def departures() -> str:
    """Quote what each file says of its departures from its paper."""
    files: dict[str, list[str]] = {}
    for name, entry in MODELS.items():
        build = entry.build.func if isinstance(entry.build, partial) else entry.build
        files.setdefault(build.__module__, []).append(f"`{name}`")
    parts: list[str] = []
    for module, names in files.items():
        doc = inspect.getdoc(sys.modules[module]) or ""
        said = re.search(r"^Departs from the paper:\n((?: .*\n?)+)", doc, re.MULTILINE)
        items = re.sub(r"\n +(?![ -])", " ", textwrap.dedent(said[1] if said else "").strip())
        parts.append(f"{', '.join(names)}:\n\n{items}")
    return "\n\n".join(parts)


FILLED: dict[str, Callable[[], str]] = {"counts": networks, "errors": published, "departures": departures}


def page(text: str) -> str:
    """Return the page's text with every region filled."""
    return re.sub(
        r"(<!-- networks: (\w+) -->\n).*?(<!-- end -->)",
        lambda match: f"{match[1]}\n{FILLED[match[2]]()}\n\n{match[3]}",
        text,
        flags=re.DOTALL,
    )


STYLE = (
    "text { font: 11.5px sans-serif; fill: #555; } .grid { stroke: #ddd; } .axis { stroke: #999; } "
    "path { fill: none; stroke-width: 2; } .first { stroke: #8d9299; } .second { stroke: #215f9e; } "
    ".touch { fill: transparent; } text.title { font-size: 13px; fill: #222; }"
)


def figure() -> str:
    """Draw the training errors of bench/degradation.py: plain networks to the left, residual ones to the right."""
    content = json.loads(CURVES.read_text(encoding="utf-8"))
    history = [dict(zip(content["columns"], row, strict=True)) for row in content["rows"]]
    panels: list[str] = []
    for i, kind in enumerate(("plain", "resnet")):
        lines = [Curve(f"{kind}20", "20 layers", "first"), Curve(f"{kind}56", "56 layers", "second")]
        chart = curves(history, lines, label=f"training error, {kind}", unit="%")
        title = ("plain networks", "residual networks")[i]
        panels.append(chart.replace("<svg ", f'<svg x="{i * 400}" y="24" width="380" height="250" ', 1))
        panels.append(f'<text class="title" x="{i * 400 + 46}" y="16">{title}: training error</text>')
    body = "\n".join(panels)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 780 274" width="780" height="274" role="img" '
        'aria-label="Training error by epoch, of 20 and 56 layers, plain and residual">\n'
        f'<style>{STYLE}</style>\n<rect width="780" height="274" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def write() -> None:
    """Write the page and its figure."""
    models = DOCS / "models.md"
    models.write_text(page(models.read_text(encoding="utf-8")), encoding="utf-8")
    (DOCS / "figures/degradation.svg").write_text(figure(), encoding="utf-8")


def _table(rows: list[list[str]], sides: str) -> str:
    rule = ["---:" if side == "r" else "---" for side in sides]
    return "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], rule, *rows[1:]])


if __name__ == "__main__":
    write()
