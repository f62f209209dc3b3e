"""A listing is the same whatever order the files came in."""

from striate.data.listing import Listing
from striate.data.problems import Problem


def test_sorts_by_name_and_keeps_rows_together():
    """Name, class and part stay with each other."""
    listing = Listing("pets", "/data")
    for name, class_, part in [("b", "dog", "val"), ("a", "cat", "train"), ("c", "ant", "")]:
        listing.add(name, class_, part)
    listing.sort()
    assert (listing.names, listing.classes, listing.parts) == (
        ["a", "b", "c"],
        ["cat", "dog", "ant"],
        ["train", "val", ""],
    )


def test_nothing_sorts_to_nothing():
    """An empty listing stays one."""
    listing = Listing("pets", "/data")
    listing.sort()
    assert (listing.names, listing.classes, listing.parts) == ([], [], [])


def test_collects_problems():
    """What is wrong is kept in the order that it was found in."""
    listing = Listing("pets", "/data")
    listing.wrong("empty", "a.png", "0 bytes")
    assert listing.problems == [Problem("empty", "a.png", "0 bytes")]
