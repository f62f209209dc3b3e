"""models.weights.refusal: one form for all files that are not believed."""

from pathlib import Path

import pytest

from striate.errors import WeightsError
from striate.models.weights.refusal import reason, refused


@pytest.mark.refusal
def test_a_refusal_names_the_file_the_cause_and_the_way_out():
    """In three parts."""
    error = refused(Path("/x/net.pth"), "it is empty", size="0 bytes")
    assert isinstance(error, WeightsError)
    assert str(error) == (
        "weights: net.pth is refused: it is empty.\n"
        "  path  /x/net.pth\n"
        "  size  0 bytes\n"
        "It is not the published file, whatever its name. Remove it and fetch it again, or choose other weights."
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("one. two\nthree"), "ValueError: one"),
        (KeyError(), "KeyError: "),
        (ValueError("x" * 999), "ValueError: " + "x" * 148),
    ],
)
def test_a_reason_is_one_short_line(error, said):
    """Whatever a library says, and however much."""
    assert reason(error) == said
