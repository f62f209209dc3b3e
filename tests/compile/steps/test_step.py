"""Values: where they lie."""

from striate.compile.steps.step import Value


def test_a_part_lies_within_the_channels_of_a_whole():
    """Its pixels are as far apart as the whole's, also if that is a part itself."""
    whole = Value("whole", (2, 10, 3, 4), (2, 10, 3, 4))
    middle = Value("middle", (2, 6, 3, 4), (2, 6, 3, 4), whole, 3)
    part = Value("part", (2, 2, 3, 4), (2, 2, 3, 4), middle, 1)
    assert (part.root, part.offset, part.steps) == (whole, 4, (120, 10))
    assert whole.dense
    assert not part.dense


def test_what_lies_straight_is_in_pytorchs_order():
    """Rows, images of one pixel, and images of one channel."""
    sizes = {(2, 5, 1, 1): True, (2, 1, 3, 4): True, (2, 5, 3, 4): False}
    assert {size: Value("x", size, size).straight for size in sizes} == sizes
