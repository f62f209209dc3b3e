"""Write the table of weights.md from the table in the code: no figure is typed by hand.

Run as `make figures`; a test compares the page with what the code says today.
"""

import re
from pathlib import Path

from striate.models.weights import WEIGHTS, Published

__all__ = ["filled", "write"]

PAGE = Path(__file__).parent / "weights.md"
REGION = re.compile(r"(?<=<!-- weights -->\n).*?(?=<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """Return the page with its table anew."""
    return REGION.sub(lambda _: f"\n{_table()}\n\n", text)


def write() -> None:
    """Renew the page."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def _table() -> str:
    head = ["network", "weights", "top-1", "top-5", "images", "options", "MB", "licence", "file, and what proves it"]
    lines = [head, ["---", "---", "---:", "---:", "---", "---", "---:", "---", "---"], *(_row(row) for row in WEIGHTS)]
    notes = [f"- `{row.model}` `{row.name}`: {note}" for row in WEIGHTS if (note := _note(row))]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", *notes])


def _row(row: Published) -> list[str]:
    top = [f"{value:.2f} %" if value is not None else "-" for value in (row.top1, row.top5)]
    options = ", ".join(f"`{name}={value!r}`" for name, value in row.options.items())
    proof = f"[`{row.file}`]({row.url}), {row.algorithm} `{row.digest[:16]}{'…' * (len(row.digest) > 16)}`"
    megabytes = f"{row.mebibytes * 2**20 / 1e6:,.0f}"
    images = str(row.transform or "-")
    return [f"`{row.model}`", f"`{row.name}`", *top, images, options or "-", megabytes, row.licence, proof]


def _note(row: Published) -> str:
    measured = "" if row.protocol == "one centre crop" else f"accuracy: {row.protocol}."
    return " ".join(text for text in (measured, row.note) if text)


if __name__ == "__main__":
    write()
