"""Tables of the docs, written from the results: no figure is typed by hand.

A region of a document between two lines

    <!-- table: NAME -->
    <!-- end -->

is filled from bench/results/NAME.json. `python -m bench.tables` writes them all; with `--check` it only says which are
not up to date, and its exit status is 1 if any is.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from bench.harness import RESULTS, ROOT
from striate.errors import OptionError

__all__ = ["fill", "main", "table"]

REGION = re.compile(r"^<!-- table: (?P<name>[\w-]+) -->\n(?:(?!<!-- table:).*\n)*?<!-- end -->$", re.MULTILINE)


def table(content: dict[str, Any]) -> str:
    """Write one result as a Markdown table, and below it where the figures come from."""
    heading, *rows = _recorded(content) if "rows" in content else _timed(content)
    lines = [f"| {' | '.join(row)} |" for row in (heading, ["---", *["---:"] * (len(heading) - 1)], *rows)]
    return f"{content['what']}\n\n" + "\n".join(lines) + f"\n\n{_provenance(content)}"


def _recorded(content: dict[str, Any]) -> list[list[str]]:
    return [content["columns"], *([str(cell) for cell in row] for row in content["rows"])]


def _timed(content: dict[str, Any]) -> list[list[str]]:
    """Give a row for each candidate."""
    amount, unit = content["work"] or (None, "")
    first = next(iter(content["candidates"]))
    rows = [["", "median", "quartiles", *([f"{unit} per second"] if amount else []), f"{first} takes"]]
    for name, spread in content["candidates"].items():
        rate = [f"{_short(amount / spread['median'])}"] if amount else []
        quartiles = f"{_time(spread['q1'])} to {_time(spread['q3'])}"
        rows.append([name, _time(spread["median"]), quartiles, *rate, _ratio(content, first, name)])
    return rows


def fill(text: str, results: Path = RESULTS) -> str:
    """Return a document's text with every region filled from its result.

    Raises:
        OptionError: A region names a result that does not exist.
    """

    def region(match: re.Match[str]) -> str:
        name = match["name"]
        file = results / f"{name}.json"
        if not file.exists():
            raise OptionError(
                "tables: a document names a result that does not exist.",
                f"Run the benchmark that records it, or name one of: "
                f"{', '.join(sorted(f.stem for f in results.glob('*.json'))) or 'none yet'}.",
                table=name,
            )
        content = json.loads(file.read_text(encoding="utf-8"))
        return f"<!-- table: {name} -->\n\n{table(content)}\n\n<!-- end -->"

    return REGION.sub(region, text)


def main(arguments: list[str], root: Path = ROOT, results: Path = RESULTS) -> int:
    """Write or, with `--check`, check the tables of all documents; return the exit status."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m bench.tables [--check]")
        return 2
    stale: list[Path] = []
    for document in sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")]):
        text = document.read_text(encoding="utf-8")
        filled = fill(text, results)
        if filled != text:
            stale.append(document)
            if not arguments:
                document.write_text(filled, encoding="utf-8")
    for document in stale:
        print(f"{document.relative_to(root)}: {'out of date; run `make bench`' if arguments else 'written'}")
    return int(bool(arguments and stale))


def _time(seconds: float) -> str:
    """Write a time with three digits and the unit that suits it."""
    for unit, scale in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{_short(seconds * scale)} {unit}"
    return f"{_short(seconds * 1e9)} ns"


def _short(number: float) -> str:
    """Write a number with three digits, or all of those before the point."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _ratio(content: dict[str, Any], first: str, name: str) -> str:
    if name == first:
        return "1"
    spread = content["ratios"][f"{first} / {name}"]
    return f"{spread['median']:.3f} ({spread['q1']:.3f} to {spread['q3']:.3f}) of it"


def _provenance(content: dict[str, Any]) -> str:
    machine, threads = content["machine"], content["threads"]
    turns = f"Medians of {content['n']} turns, " if "n" in content else ""
    return (
        f"{turns}{threads} {'thread' if threads == 1 else 'threads'}, "
        f"{machine['processor'] or machine['architecture']} ({content['peaks']['isa']}), "
        f"torch {content['versions']['torch']}, {content['date'][:10]}; `{content['command']}`."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
