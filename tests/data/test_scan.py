"""A scan finds the same whatever the number of threads, and goes on past what is bad."""

import numpy as np
import pytest

from striate.data import scan as module
from striate.data.piece import Piece
from striate.data.problems import Problem
from striate.data.scan import scan


def names(root):
    return sorted(str(p.relative_to(root)) for p in root.rglob("*.png"))


def same(a, b):
    for field in ("good", "sizes", "grey", "digests", "mean", "covariance"):
        np.testing.assert_array_equal(getattr(a, field), getattr(b, field))
    assert a.problems == b.problems


@pytest.mark.parametrize("threads", [2, 7])
def test_threads_change_nothing(threads, pets, noise, monkeypatch):
    """Bit for bit the same, also across blocks."""
    monkeypatch.setattr(module, "_BLOCK", 3)
    root = pets(8, {"cat/colour.png": noise(5, 9, 9, 3), "cat/bad.png": b"bad"})
    same(
        scan(str(root), names(root), Piece((16, 16)), threads=1),
        scan(str(root), names(root), Piece((16, 16)), threads=threads),
    )


def test_bad_files_are_listed_and_the_rest_is_found(pets):
    """One bad file is one problem; its row is empty."""
    root = pets(2, {"cat/bad.png": b""})
    found = scan(str(root), names(root), Piece((16, 16)))
    assert found.problems == [Problem("empty", "cat/bad.png", "0 bytes")]
    assert found.good.tolist() == [True, True, False, True, True]
    assert found.pictures is not None
    assert found.pictures[2] is None


def test_progress_counts_every_file(pets):
    """Good or bad, each file is one step."""
    root, calls = pets(2, {"cat/bad.png": b"bad"}), []
    scan(str(root), names(root), Piece((8, 8)), on_progress=lambda *c: calls.append(c))
    assert calls == [(i, 5) for i in range(1, 6)]


def test_large_data_is_not_kept(pets, monkeypatch):
    """Above the limit no picture stays in memory, and what was found is the same."""
    root = pets()
    kept = scan(str(root), names(root), Piece((16, 16)))
    monkeypatch.setattr(module, "HELD_BYTES", 1000)
    dropped = scan(str(root), names(root), Piece((16, 16)))
    assert dropped.pictures is None
    same(kept, dropped)


def test_tells_what_the_files_are(lay_out, noise):
    """Sizes, colours, and channels as wanted."""
    root = lay_out({"a.png": noise(1, 9, 7), "b.png": noise(2, 5, 6, 3)})
    found = scan(str(root), ["a.png", "b.png"], Piece((4, 4)))
    assert found.sizes.tolist() == [[9, 7], [5, 6]]
    assert found.grey.tolist() == [True, False]
    assert [p.shape for p in found.pictures or [] if p is not None] == [(1, 4, 4), (3, 4, 4)]
    grey = scan(str(root), ["a.png", "b.png"], Piece((4, 4)), channels=1)
    assert [p.shape for p in grey.pictures or [] if p is not None] == [(1, 4, 4), (1, 4, 4)]
    assert grey.grey.tolist() == [True, False]
