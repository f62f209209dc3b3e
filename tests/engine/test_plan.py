"""engine.plan: what is forced, then what was measured, then what is estimated; and always why."""

import importlib

import pytest
import torch
from convolutions import CASES, problem
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.engine import Problem, accuracy, algorithms, explain, isa, limit, limits, plan, reproducible, use
from striate.engine.plan import forget
from striate.engine.table import TABLES, table
from striate.errors import OptionError

# The name striate.engine.plan is the function, not the module.
MODULE = importlib.import_module("striate.engine.plan")
LARGE = Problem.of((8, 64, 56, 56), (64, 64, 3, 3), padding=(1, 1))


@pytest.mark.parametrize("direction", TABLES)
@pytest.mark.parametrize("case", CASES)
def test_the_cheapest_that_can_is_chosen(case, direction):
    """Every algorithm of the table is a candidate with a cost or a reason, PyTorch's own the last of them."""
    found = plan(problem(case).turned(direction), threads=1)
    assert [c.algorithm for c in found.candidates] == [*table(direction).names(), "torch"]
    assert all((c.seconds is None) == bool(c.declined) for c in found.candidates)
    able = {c.algorithm: c.seconds for c in found.candidates if c.seconds is not None}
    assert able[found.algorithm] == min(able.values())
    assert found.how == "estimated"


@pytest.mark.parametrize("name", algorithms())
def test_what_is_forced_runs_or_says_why_not(name):
    """Exactly that one, though it be slow or less exact; where a table lacks it, the planner is free."""
    for direction in TABLES:
        turned = LARGE.turned(direction)
        with use(name), accuracy("exact"), reproducible():
            if name not in (*table(direction).names(), "torch"):
                assert plan(turned, threads=1).how == "estimated"
            elif name != "torch" and table(direction).refuses(table(direction).names().index(name), turned):
                with pytest.raises(OptionError):
                    plan(turned, threads=1)
            else:
                assert (plan(turned, threads=1).algorithm, plan(turned, threads=1).how) == (name, "forced")


def test_accuracy_and_reproducibility_leave_some_out():
    """`exact` leaves out Winograd's, `default` the largest tiles of them, `reproducible` PyTorch's own."""

    def declined():
        return {
            c.algorithm for c in plan(LARGE, threads=1).candidates if c.declined.startswith(("it is not as", "only"))
        }

    with accuracy("exact"), reproducible():
        assert {"winograd-2x2", "winograd-4x4", "winograd-6x6", "torch"} <= declined()
    assert declined() == {"winograd-6x6"}
    with accuracy("fast"):
        assert declined() == set()


@settings(max_examples=50)
@given(st.tuples(*[st.integers(1, 70)] * 2), st.tuples(*[st.integers(3, 60)] * 2), st.sampled_from([1, 3, 5]))
def test_reproducible_plans_depend_neither_on_the_batch_nor_on_threads(channels, size, kernel):
    """Another algorithm adds up in another order: so the same one runs whatever the batch and the threads."""
    weight, around = (channels[1], channels[0], kernel, kernel), (kernel // 2, kernel // 2)
    with reproducible():
        for direction in ("forward", "input gradient"):
            found = {
                plan(Problem.of((n, channels[0], *size), weight, padding=around, direction=direction), threads=t)
                for n in (1, 3, 32)
                for t in (1, 2, 16)
            }
            assert len({p.algorithm for p in found}) == 1
        threads = [
            plan(Problem.of((3, channels[0], *size), weight, padding=around, direction="weight gradient"), threads=t)
            for t in (1, 2, 16)
        ]
        assert len({p.algorithm for p in threads}) == 1


def test_limits_of_memory_are_kept():
    """Without workspace, only those run that need none; the limit is said."""
    before = limit(workspace_bytes=0)
    try:
        found = plan(LARGE, threads=1)
        for place, candidate in enumerate(found.candidates[:-1]):
            if candidate.seconds is not None:
                assert table("forward").workspace_bytes(place, LARGE, 1) == 0
        assert any("over the limit" in c.declined for c in found.candidates)
    finally:
        limit(**before._asdict())
    assert limits() == before


def test_what_was_measured_wins_over_estimates(monkeypatch):
    """If it is allowed; and what is forced wins over it."""
    monkeypatch.setattr(MODULE, "remembered", lambda problem, threads, able: ("reference", "measured"))
    forget()
    try:
        assert (plan(LARGE, threads=1).algorithm, plan(LARGE, threads=1).how) == ("reference", "measured")
        with use("direct"):
            assert plan(LARGE, threads=1).algorithm == "direct"
        monkeypatch.setattr(MODULE, "remembered", lambda problem, threads, able: ("winograd-6x6", "measured"))
        forget()
        assert plan(LARGE, threads=1).algorithm != "winograd-6x6"
    finally:
        monkeypatch.undo()
        forget()


def test_a_plan_explains_itself():
    """The problem, then a line for each candidate, the winner marked."""
    lines = explain(LARGE, threads=2).splitlines()
    assert lines[0] == f"{LARGE}  2 threads, {isa()}"
    assert [line.split()[0] for line in lines[1:]] == [*table("forward").names(), "torch"]
    assert [line.split()[0] for line in lines if line.endswith("<- estimated")] == [plan(LARGE, threads=2).algorithm]
    assert any("declines: it is not depthwise" in line for line in lines)


def test_threads_are_torchs_unless_told():
    """As many as `torch.get_num_threads()` says."""
    assert plan(LARGE).threads == torch.get_num_threads()


@pytest.mark.refusal
def test_a_forced_algorithm_that_cannot_is_explained():
    """The whole text."""
    strided = problem("3x3 strided")
    with use("depthwise"), pytest.raises(OptionError) as error:
        plan(strided, threads=1)
    able = [c.algorithm for c in plan(strided, threads=1).candidates if c.seconds is not None]
    with accuracy("fast"):
        assert str(error.value) == (
            "conv2d: algorithm 'depthwise' cannot compute this.\n"
            "  reason   it is not depthwise\n"
            f"  problem  {strided}\n"
            f"Use one of: {', '.join(able)}; or leave the choice to the planner."
        )


@pytest.mark.refusal
def test_nothing_left_is_explained():
    """Without memory for packed weights, and without PyTorch's own."""
    before, tiny = limit(packed_bytes=0), Problem.of((1, 1, 2, 2), (1, 1, 1, 1))
    try:
        with reproducible(), pytest.raises(OptionError) as error:
            plan(tiny, threads=1)
    finally:
        limit(**before._asdict())
    lines = str(error.value).splitlines()
    assert lines[0] == "conv2d: every algorithm declines."
    assert [line.split()[0] for line in lines[1:-1]] == [*table("forward").names(), "torch", "problem"]
    assert lines[-1] == "Raise engine.limit(...), or allow PyTorch's own: leave engine.reproducible()."
