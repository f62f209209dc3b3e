"""engine.measure: every candidate is timed as it would run, and nothing else; of a time only the sign is looked at."""

from dataclasses import replace

import pytest
import torch

from striate.engine import packed
from striate.engine.choice import accuracy, locked, reproducible
from striate.engine.measure import MOST_COPIES_BYTES, MOST_OWN, _call, _copies, candidates, measure
from striate.engine.plan import plan
from striate.engine.problem import Problem


# Made anew for each test: what a module holds to the end outlives the core, which then warns.
def square():
    """A layer that every algorithm but the depthwise and the 5x5 ones takes."""
    return Problem.of((1, 16, 14, 14), (16, 16, 3, 3), padding=(1, 1))


def strided():
    """One whose input gradient is four convolutions."""
    return Problem.of((2, 8, 15, 14), (4, 8, 3, 3), stride=(2, 2), padding=(1, 0), bias=True, channels_last=False)


def deep():
    """One with large weights."""
    return Problem.of((1, 512, 7, 7), (512, 512, 3, 3), padding=(1, 1))


@pytest.mark.parametrize("direction", ["forward", "input gradient", "weight gradient"])
@pytest.mark.parametrize("problem", [square, strided])
def test_candidates_have_times(problem, direction):
    """All that can compute the problem, with as many turns; the threads are those of before."""
    threads = torch.get_num_threads()
    turned = problem().turned(direction)
    found = measure(turned, threads=1)
    assert torch.get_num_threads() == threads
    assert (found.problem, found.threads) == (str(turned), 1)
    assert list(found.seconds) == candidates(turned, 1)
    assert all(seconds > 0 for seconds in found.seconds.values())
    assert found.turns >= 7


def test_weights_that_change_are_packed_every_time(monkeypatch):
    """As in training; otherwise once."""
    made, prepared = [], packed._prepared
    monkeypatch.setattr(packed, "_prepared", lambda *given: made.append(given) or prepared(*given))
    counts = []
    for anew in (False, True):
        problem = replace(square(), packed_anew=anew)
        found = measure(problem, threads=1)
        own = len(found.seconds) - ("torch" in found.seconds)
        packings = sum(form.place >= 0 for _, form, *_ in made)  # PyTorch's is none
        counts.append(packings - own * _copies(problem, list(found.seconds)))
        made.clear()
    assert counts[0] == 0
    assert counts[1] >= found.turns


def test_each_candidate_runs_itself():
    """Forward and back, also one that could compute only a gradient; the lock on plans does not matter."""
    narrow = Problem.of((1, 16, 9, 9), (4, 16, 3, 3), padding=(1, 1))
    for direction in ("forward", "input gradient", "weight gradient"):
        for name in candidates(narrow.turned(direction), 1):
            call = _call(narrow.turned(direction), 1, name)
            assert call.plan(direction).algorithm == name
    with locked("nothing.jsonl"):
        assert candidates(narrow, 1)


def test_the_candidates_are_the_best_estimates_and_never_the_reference():
    """The first is what the estimate chooses; PyTorch's own is one of them."""
    names = candidates(square(), 1)
    assert names[0] == plan(square(), threads=1).algorithm
    assert "torch" in names
    assert "reference" not in names
    assert len(names) <= MOST_OWN + 1


def test_what_is_not_asked_for_is_no_candidate():
    """Neither what is not exact enough nor what is not reproducible."""
    with accuracy("exact"):
        assert not any(name.startswith("winograd") for name in candidates(square(), 1))
    with reproducible():
        assert "torch" not in candidates(square(), 1)
        assert "torch" not in measure(square(), threads=1).seconds


def test_a_problem_with_one_algorithm_has_one_candidate():
    """Be it the reference."""
    with reproducible(), accuracy("exact"):
        assert len(candidates(square().turned("weight gradient"), 1)) >= 1


def test_weights_are_many_but_not_too_many():
    """Small ones by the hundred, large ones as many as the memory that is set aside for them holds."""
    for problem, least in ((square(), 100), (deep(), 1)):
        names = candidates(problem, 1)
        count = _copies(problem, names)
        assert count >= least
        assert 4 * torch.Size(problem.weight).numel() * count <= MOST_COPIES_BYTES
    assert _copies(deep().turned("weight gradient"), ["torch"]) == 1
