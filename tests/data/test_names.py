"""Names are a sequence of strings like any other, in two buffers."""

import pickle
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest

from striate.data.names import Names

ODD = ["", "cat/1.png", "näme/ж.png", "two\nlines.png", "caf\udce9.png", "\U0001f408.png"]


def test_gives_back_what_it_was_given():
    """Every name survives: empty, not ASCII, with line ends, with bytes that are no UTF-8."""
    names = Names.of(ODD)
    assert list(names) == ODD
    assert len(names) == len(ODD)
    assert names[-1] == ODD[-1]
    assert "cat/1.png" in names


def test_of_nothing_is_empty():
    """No names: no rows."""
    assert list(Names.of([])) == []


def test_pickles_small_and_whole():
    """A pickle is hardly larger than the text and its offsets."""
    names = Names.of(f"class/{i:06}.png" for i in range(1000))
    pickled = bytes(ForkingPickler.dumps(names))
    assert len(pickled) < 1000 * (16 + 8) + 1000
    assert pickle.loads(pickled) == names


def test_equal_only_if_the_names_are():
    """The same letters, divided otherwise, are other names."""
    assert Names.of(["ab", "c"]) != Names.of(["a", "bc"])
    assert Names.of(["ab"]) == Names.of(["ab"])
    assert hash(Names.of(["ab"])) == hash(Names.of(["ab"]))
    assert Names.of(["ab"]) != ["ab"]


def test_takes_indices_of_numpy():
    """An index out of an array is as good as an int."""
    assert Names.of(["a", "b"])[np.int64(1)] == "b"


@pytest.mark.parametrize("index", [2, -3])
def test_ends_where_it_ends(index):
    """Beyond the end is an IndexError, as for a list."""
    with pytest.raises(IndexError, match=str(index)):
        Names.of(["a", "b"])[index]


def test_says_how_large_it_is():
    """A million names are not printed."""
    assert repr(Names.of(["ab", "c"])) == "Names(2 names, 3 bytes)"
