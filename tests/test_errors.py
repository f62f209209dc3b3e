"""errors: one form for every message, and every class survives a process's border."""

import pickle

import pytest

from striate import errors

CLASSES = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda c: c.__name__)
def test_a_message_has_three_parts(kind):
    """The rule, every value in a column, the way out."""
    error = kind("resize: too small.", "Pass more.", size=(0, 3), channels=1)
    assert str(error) == "resize: too small.\n  size      (0, 3)\n  channels  1\nPass more."


@pytest.mark.parametrize("kind", CLASSES, ids=lambda c: c.__name__)
def test_an_error_survives_pickling(kind):
    """A worker process can hand it over whole."""
    error = kind("resize: too small.", "Pass more.", size=(0, 3))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
    assert again.received == {"size": (0, 3)}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda c: c.__name__)
def test_all_are_caught_by_one_name(kind):
    """`except StriateError` catches whatever a caller can mend."""
    assert issubclass(kind, errors.StriateError)


def test_an_interruption_knows_its_signal():
    """A command turns it into its exit status."""
    assert errors.Interrupted("stopped.", "Go on.", signal_number=15).signal_number == 15
