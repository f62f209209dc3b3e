"""Numbers and facts in words, as the report writes them."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from striate.evaluate.metrics import Metrics

__all__ = ["confusions", "duration", "facts", "percent", "scaled"]

# The ending of a name, and the unit of its value. The first that fits counts.
_UNITS = (
    ("flops_per_second", "FLOP/s", 1000),
    ("bytes_per_second", "B/s", 1000),
    ("images_per_second", "images/s", 1000),
    ("_bytes", "B", 1024),
    ("seconds", "s", 1000),
)


def percent(share: float, digits: int = 1) -> str:
    r"""Write a share in percent; only what is whole is written as 100 %.

    >>> percent(355 / 360), percent(1), percent(0.99999)
    ('98.6\xa0%', '100\xa0%', '99.999\xa0%')
    """
    if abs(share - round(share)) < 1e-12:
        return f"{100 * round(share)}\xa0%"
    while digits < 6 and float(f"{100 * share:.{digits}f}") in (0, 100):
        digits += 1
    return f"{100 * share:.{digits}f}\xa0%"


def scaled(value: float, unit: str = "", base: int = 1000) -> str:
    r"""Write a number with three digits and a prefix; base 1024 has the binary ones.

    >>> scaled(40_551_040), scaled(32768, "B", 1024), scaled(0.5, "s")
    ('40.6\xa0M', '32\xa0KiB', '0.5\xa0s')
    """
    power = 0
    while abs(value) >= base * 0.9995 and power < 5:
        value, power = value / base, power + 1
    prefix = ("", "k", "M", "G", "T", "P")[power] if base == 1000 else ("", "Ki", "Mi", "Gi", "Ti", "Pi")[power]
    return f"{value:.4g}\xa0{prefix}{unit}".strip() if abs(value) >= 1000 else f"{value:.3g}\xa0{prefix}{unit}".strip()


def duration(seconds: float) -> str:
    """Write a time as people say it.

    >>> duration(8.42), duration(75), duration(7384)
    ('8.4 s', '1 min 15 s', '2 h 3 min')
    """
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def confusions(metrics: Metrics, most: int) -> list[tuple[str, str, int, int]]:
    """List the most frequent mistakes: the true class, the one named instead, how often, of how many.

    >>> import torch
    >>> from striate.evaluate.metrics import measure
    >>> confusions(measure(torch.eye(2)[[0, 1, 1]], torch.tensor([0, 1, 0]), ["cat", "dog"]), 5)
    [('cat', 'dog', 1, 2)]
    """
    wrong = [
        (count, -i, -j) for i, row in enumerate(metrics.confusion) for j, count in enumerate(row) if count and i != j
    ]
    rows = metrics.classes
    return [(rows[-i].name, rows[-j].name, n, rows[-i].support) for n, i, j in sorted(wrong, reverse=True)[:most]]


def facts(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    r"""Lay out a nested record as lines of name and value, with units read off the names.

    >>> facts({"optimizer": {"name": "sgd", "momentum": 0.9}, "memory_bytes": 2 * 1024**3, "ema": None})
    [('optimizer name', 'sgd'), ('optimizer momentum', '0.9'), ('memory', '2\xa0GiB'), ('ema', 'none')]
    """
    lines: list[tuple[str, str]] = []
    for key, value in tree.items():
        name = f"{prefix} {key}".strip().replace("_", " ")
        if isinstance(value, Mapping):
            lines += facts(cast("Mapping[str, Any]", value), name)
        else:
            unit = next((u for u in _UNITS if str(key).endswith(u[0])), None)
            name = name.removesuffix(" per second").removesuffix(" bytes")
            lines.append((name, _fact(value, unit)))
    return lines


def _fact(value: Any, unit: tuple[str, str, int] | None = None) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return scaled(value, unit[1], unit[2]) if unit else f"{value:.6g}" if isinstance(value, float) else f"{value:,}"
    if isinstance(value, Mapping):
        inner = facts(cast("Mapping[str, Any]", value))
        return " ".join(f"{name} {text}" for name, text in inner)
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = [_fact(item) for item in cast("Sequence[Any]", value)]
        nested = any(isinstance(item, Mapping) for item in cast("Sequence[Any]", value))
        return ("; " if nested else ", ").join(items) or "none"
    return str(value)
