"""explain.explanation: what a method gives is a value."""

import dataclasses

import pytest
import torch

from striate.explain.explanation import Explanation, Reading


def test_it_is_a_value():
    """It cannot be changed, and says what it is."""
    reading = Reading(False, "its greatest", "bright: much", "Look.", "Nothing.", "It changes.")
    found = Explanation("saliency", torch.ones(1, 3, 4, 5), "class 7", torch.ones(1), reading)
    assert repr(found) == "Explanation(saliency of class 7, 1 images of 4 x 5)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.target = "class 8"
