"""engine.tuning: what is measured once decides from then on."""

import copy

import pytest
import torch
from torch import nn

from striate.engine import tuning, wisdom
from striate.engine.accelerate import accelerate
from striate.engine.choice import locked, reproducible, use
from striate.engine.plan import _locked, forget, plan
from striate.engine.problem import Problem
from striate.engine.tuning import tune
from striate.engine.wisdom import Remembered, books, remember
from striate.errors import StriateError

MODEL = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
SIZE = (1, 3, 12, 12)
pytestmark = pytest.mark.usefixtures("wisdom_file")


@pytest.fixture
def slow(monkeypatch):
    """The measured times: PyTorch's own was the fastest, whatever the problem."""

    def measure(problem, *, threads):
        return Remembered(
            str(problem), threads, dict.fromkeys(tuning.candidates(problem, threads), 1.0) | {"torch": 0.1}, 7
        )

    monkeypatch.setattr(tuning, "measure", measure)


def test_measured_times_decide_here_and_in_later_processes(slow, monkeypatch):
    """Over the estimate, for this number of threads alone."""
    problem = Problem.of((1, 64, 56, 56), (64, 64, 3, 3), padding=(1, 1), bias=True, channels_last=False)
    model = nn.Conv2d(64, 64, 3, padding=1)
    assert plan(problem, threads=1).algorithm == "winograd-4x4"
    (decision,) = tune(model, (1, 64, 56, 56), threads=1).decisions
    assert (decision.plan.algorithm, decision.plan.how, decision.layers) == ("torch", "measured", ("",))
    monkeypatch.setattr(wisdom, "_LEARNT", {})  # as in the next process
    forget()
    assert plan(problem, threads=1).algorithm == "torch"
    assert plan(problem, threads=2).algorithm == "winograd-4x4"


def test_what_is_known_is_not_measured_again(wisdom_file):
    """Unless it is asked for; everybody is told how far it is."""
    told = []
    assert tune(MODEL, SIZE, threads=1, told=lambda *count: told.append(count)).measured == 2
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert tune(MODEL, SIZE, threads=1).measured == 0
    assert tune(MODEL, SIZE, threads=1, again=True).measured == 2
    assert wisdom_file.read_text().count("\n") == 4


def test_gradients_are_measured_if_asked_for(slow):
    """Those that have a choice."""
    found = tune(MODEL, SIZE, threads=1, backward=True)
    assert [d.plan.problem.direction for d in found.decisions] == [
        "forward",
        "forward",
        "weight gradient",
        "forward",
        "forward",
        "input gradient",
        "weight gradient",
    ]
    assert [d.plan.problem.packed_anew for d in found.decisions][:3] == [False, True, False]


def test_a_network_may_be_trained_and_judged_by_what_was_measured_alone(slow):
    """Nothing that it computes is unknown; before, all of it was."""
    model = accelerate(copy.deepcopy(MODEL))
    with locked(), pytest.raises(StriateError, match="Measure it"):
        model(torch.randn(SIZE))
    tune(MODEL, SIZE, threads=torch.get_num_threads(), backward=True)
    with locked():
        model(torch.randn(SIZE)).sum().backward()
        with torch.no_grad():
            model(torch.randn(SIZE))


def test_damage_is_told_and_survived(slow, wisdom_file):
    """A count of damaged lines; why nothing can be written, once."""
    remember(Remembered("forward  N=9", 1, {"torch": 1.0}, 7))
    wisdom_file.write_text("damaged\n" * 3 + wisdom_file.read_text())
    assert tune(MODEL, SIZE, threads=1).notes == (f"{wisdom_file} has damaged lines, which are skipped: 3",)
    wisdom_file.unlink()
    wisdom_file.mkdir()
    assert tune(MODEL, SIZE, threads=1, again=True).notes == (
        f"{wisdom_file} cannot be read: it is no file",
        f"nothing is written to {wisdom_file}: Is a directory",
    )
    assert [book.unreadable for book in books()] == ["it is no file", ""]


def test_plans_that_are_locked_are_the_measured_ones(slow, wisdom_file, tmp_path):
    """From the usual files, or from one alone; what is forced needs no measurement."""
    problem = tune(MODEL, SIZE, threads=1).decisions[0].plan.problem
    with locked():
        assert (plan(problem, threads=1).algorithm, plan(problem, threads=1).how) == ("torch", "locked")
    lock = tmp_path / "plans.jsonl"
    lock.write_text(wisdom_file.read_text())
    wisdom_file.unlink()
    with locked(lock):
        assert plan(problem, threads=1).how == "locked"
        with use("reference"):
            assert plan(problem, threads=2).how == "forced"


def test_where_only_ours_are_asked_for_one_image_on_one_thread_is_measured(wisdom_file):
    """Since that decides for every batch and any number of threads: it is the same for all of them."""
    with reproducible():
        assert tune(MODEL, (3, *SIZE[1:]), threads=2).measured == 2
        assert all("torch" not in line for line in wisdom_file.read_text().splitlines())
        found = tune(MODEL, (5, *SIZE[1:]), threads=1)
    assert found.measured == 0
    assert all(decision.plan.how == "measured" and decision.measured for decision in found.decisions)


def test_where_there_is_no_choice_a_lock_does_not_matter():
    """One algorithm besides the reference."""
    problem = Problem.of((1, 3, 9, 9), (4, 3, 3, 3))
    assert _locked(problem, 1, {"direct": 1.0, "reference": 2.0}, "") == ("", "")


@pytest.mark.refusal
def test_a_problem_that_was_not_measured_is_an_error_where_plans_are_locked(tmp_path):
    """Whatever could compute it."""
    problem = Problem.of((1, 3, 9, 9), (4, 3, 3, 3))
    with locked(tmp_path / "plans.jsonl"), pytest.raises(StriateError) as error:
        plan(problem, threads=1)
    assert str(error.value) == (
        "conv2d: plans are locked, and nothing was measured of this problem with these kernels on this machine.\n"
        "  problem  forward  N=1 C=3 H=9 W=9  K=4 R=3 S=3  stride 1x1  padding 0,0,0,0  dilation 1x1  groups 1  "
        "channels_last\n"
        "  threads  1\n"
        f"  file     {tmp_path / 'plans.jsonl'}\n"
        "Measure it: engine.tune(model, input_size, ...), or `striate tune`; or leave engine.locked()."
    )
    with locked(), pytest.raises(StriateError, match="the user's, and the package's"):
        plan(problem, threads=1)


def test_wisdom_that_is_off_decides_in_this_process_only(slow, monkeypatch):
    """Nothing is written; that is said."""
    monkeypatch.setenv("STRIATE_WISDOM", "off")
    found = tune(MODEL, SIZE, threads=1)
    assert {d.plan.algorithm for d in found.decisions} == {"torch"}
    assert found.notes == ("nothing is written: STRIATE_WISDOM is off, or there is no home for a cache",)
