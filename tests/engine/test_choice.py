"""engine.choice: what is asked holds within, in this thread, and no longer."""

import threading

import pytest

from striate.engine import accuracy, algorithms, reproducible, use
from striate.engine.choice import Choice, chosen
from striate.errors import OptionError


def test_what_is_asked_holds_within():
    """Nested requests add up, and each ends with its block, an error's way out included."""
    assert chosen() == Choice()
    with use("direct"), accuracy("exact"), reproducible():
        assert chosen() == Choice("direct", "exact", torch=False)
    with pytest.raises(ZeroDivisionError), use("direct"):
        _ = 1 / 0
    assert chosen() == Choice()


def test_another_thread_has_its_own_choice():
    """What is asked here is not asked there."""
    seen = []
    with use("direct"):
        thread = threading.Thread(target=lambda: seen.append(chosen()))
        thread.start()
        thread.join()
    assert seen == [Choice()]


def test_every_algorithm_has_a_class():
    """`fast` allows all, `default` all but the largest tiles, `exact` those that add up as the definition does."""
    names = algorithms()
    allowed = {level: {n for n in names if Choice(accuracy=level).allows(n)} for level in ("exact", "default", "fast")}
    assert allowed["fast"] == set(names)
    assert set(names) - allowed["default"] == {"winograd-6x6"}
    assert allowed["exact"] == {n for n in names if not n.startswith(("winograd", "fft"))}


@pytest.mark.refusal
def test_unknown_names_are_explained():
    """The whole text."""
    with pytest.raises(OptionError) as error, use("fourier"):
        pass
    assert str(error.value) == (f"engine: no algorithm is called 'fourier'.\nChoose one of: {', '.join(algorithms())}.")
    with pytest.raises(OptionError) as error, accuracy("exakt"):
        pass
    assert str(error.value) == (
        "engine: there is no such class of accuracy.\n  accuracy  'exakt'\nChoose one of: exact, default, fast."
    )
