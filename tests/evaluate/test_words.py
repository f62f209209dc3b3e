"""evaluate.words: numbers as people read them."""

import pytest
import torch

from striate.evaluate.metrics import measure
from striate.evaluate.words import confusions, duration, facts, percent, scaled


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (1, "100 %"), (0.5, "50.0 %"), (0.99996, "99.996 %"), (0.0001, "0.01 %"), (1 - 1e-13, "100 %")],
)
def test_percent_never_rounds_to_perfect(share, text):
    """Only a whole 100 % is written as 100 %: more digits are shown until the difference is."""
    assert percent(share) == text.replace(" ", "\xa0")


@pytest.mark.parametrize(
    ("value", "unit", "base", "text"),
    [
        (0, "", 1000, "0"),
        (999, "", 1000, "999"),
        (999.9, "", 1000, "1 k"),
        (61706, "", 1000, "61.7 k"),
        (2.1e11, "FLOP/s", 1000, "210 GFLOP/s"),
        (1023, "B", 1024, "1023 B"),
        (8 * 1024**3, "B", 1024, "8 GiB"),
    ],
)
def test_scaled_has_three_digits_and_a_prefix(value, unit, base, text):
    """A prefix keeps the number below the base."""
    assert scaled(value, unit, base) == text.replace(" ", "\xa0")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (59.96, "1 min 0 s"), (3599, "59 min 59 s"), (90000, "25 h 0 min")]
)
def test_duration(seconds, text):
    """Seconds below a minute, minutes below an hour, then hours."""
    assert duration(seconds) == text


def test_confusions_come_most_frequent_first():
    """Ties keep the order of the classes, and no more are listed than asked for."""
    labels, named = torch.tensor([0, 0, 1, 2, 2, 2]), torch.tensor([1, 2, 0, 1, 1, 2])
    found = confusions(measure(torch.eye(3)[named], labels, ["a", "b", "c"]), 3)
    assert found == [("c", "b", 2, 3), ("a", "b", 1, 2), ("a", "c", 1, 2)]


def test_facts_lay_out_anything():
    """Nested records, lists of records, truth values, nothing, and units read off the names."""
    tree = {
        "caches": [{"level": 1, "size_bytes": 32768}, {"level": 2, "size_bytes": 2097152}],
        "instruction_sets": ["avx2", "fma"],
        "peaks": {"flops_per_second": 2e11, "read_bytes_per_second": 1.5e10},
        "seconds": 12.5,
        "amp": True,
        "clip": None,
        "extra": [],
        "rate": 1e-4,
        "steps": 12345,
    }
    assert dict(facts(tree)) == {
        "caches": "level 1 size 32\xa0KiB; level 2 size 2\xa0MiB",
        "instruction sets": "avx2, fma",
        "peaks flops": "200\xa0GFLOP/s",
        "peaks read": "15\xa0GB/s",
        "seconds": "12.5\xa0s",
        "amp": "yes",
        "clip": "none",
        "extra": "none",
        "rate": "0.0001",
        "steps": "12,345",
    }
