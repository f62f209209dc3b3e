"""engine.estimate: expectations that are in order. No test asserts a time."""

import pytest
import torch
from convolutions import problem

from striate.engine import Problem
from striate.engine.estimate import seconds, torch_seconds
from striate.engine.table import TABLES, table


@pytest.mark.parametrize("direction", TABLES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_more_work_takes_longer(direction, dtype):
    """A batch of eight takes longer than one example, and one thread longer than two."""
    more = {"padding": (1, 1), "direction": direction, "dtype": dtype}
    one, eight = (Problem.of((n, 64, 28, 28), (64, 64, 3, 3), **more) for n in (1, 8))
    for place in range(len(table(direction).names())):
        if not table(direction).refuses(place, one):
            assert seconds(place, one, 1) < seconds(place, eight, 1)
            assert seconds(place, eight, 2) < seconds(place, eight, 1)
    assert torch_seconds(one, 1) < torch_seconds(eight, 1)
    assert torch_seconds(eight, 2) < torch_seconds(eight, 1)


def test_doubles_take_longer():
    """Whoever computes: half as many fit into a vector."""
    usual, doubles = (problem("3x3", dtype=dtype) for dtype in (torch.float32, torch.float64))
    for place, name in enumerate(table("forward").names()):
        if not table("forward").refuses(place, doubles):
            assert seconds(place, usual, 1) < seconds(place, doubles, 1), name
    assert torch_seconds(usual, 1) < torch_seconds(doubles, 1)


def test_another_layout_costs_something():
    """The core reads channels side by side, transforms planes: what lies otherwise is brought there and back."""
    reference, transforms = (table("forward").names().index(name) for name in ("reference", "fft"))
    assert seconds(reference, problem("3x3"), 1) < seconds(reference, problem("3x3", channels_last=False), 1)
    assert seconds(transforms, problem("3x3"), 1) > seconds(transforms, problem("3x3", channels_last=False), 1)


def test_the_reference_is_never_expected_to_win():
    """It is what others are compared with."""
    for case in ("3x3", "1x1", "stem"):
        assert torch_seconds(problem(case), 1) < seconds(table("forward").names().index("reference"), problem(case), 1)
