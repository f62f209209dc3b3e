"""explain.sentences: words read as people write them."""

import pytest

from striate.explain.methods import METHODS
from striate.explain.sentences import sentence, title


@pytest.mark.parametrize(
    ("words", "written"), [("red: more", "Red: more."), ("It ends.", "It ends."), ("", ""), ("a", "A.")]
)
def test_sentences_begin_and_end(words, written):
    """Once each."""
    assert sentence(words) == written


def test_every_method_has_a_title():
    """Without underscores, and none like another."""
    titles = [title(name) for name in METHODS]
    assert len(set(titles)) == len(METHODS)
    assert not any("_" in one for one in titles)
