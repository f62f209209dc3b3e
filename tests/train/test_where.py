"""train.where: settings that do not decide a result, checked when they are made."""

import math

import pytest

from striate.errors import OptionError
from striate.train import Where


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"workers": -1}, "where: workers is out of range.\n  workers  -1\nPass 0 to 1024."),
        ({"threads": 10**8}, "where: threads is out of range.\n  threads  100000000\nPass 0 to 1024."),
        (
            {"checkpoint_seconds": math.nan},
            "where: checkpoint_seconds is out of range.\n  checkpoint_seconds  nan\nPass 0 to 1000000000.",
        ),
        (
            {"progress": "quiet"},
            "where: progress is unknown.\n  progress  quiet\nChoose one of: auto, bar, lines, none.",
        ),
        (
            {"keep_epochs": (0, 3)},
            "where: epochs are counted from 1.\n  keep_epochs  (0, 3)\nKeep 1 or later.",
        ),
    ],
    ids=["workers", "threads", "checkpoint_seconds", "progress", "keep_epochs"],
)
def test_where_is_checked_when_it_is_made(settings, said):
    """A slip of the hand does not ask the system for a million threads."""
    with pytest.raises(OptionError) as error:
        Where(**settings)
    assert str(error.value) == said
