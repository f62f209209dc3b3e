"""Tuning: every convolution by the algorithm that was fastest in the program itself."""

import torch
from small_graphs import drawn, residual_network

from striate.compile.interpret import run
from striate.compile.program import Program
from striate.compile.tuning import _fastest, _of_rank, tune, tuned


def test_a_tuned_program_is_the_same_network():
    """Whatever was measured; the time is told as it goes by."""
    of, x, told = residual_network(), drawn(2, 3, 8, 8), []
    program = Program(of)
    found = tune(program, [x], 0.05, told=told.append)
    assert program.wanted == found
    assert told[-1] == 1.0
    assert told == sorted(told)
    for got, want in zip(program.run(x), run(of, x), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)


def test_candidates_have_their_turn_by_rank():
    """Each convolution's first, second and third; those that have fewer keep the usual one."""
    program = Program(residual_network())
    plan = program.pieces[0].part.plan_for([drawn(2, 3, 8, 8)])
    usual = {step.name: step.algorithm for step in plan.lowered.steps}
    second = _of_rank(plan, {"a": (usual["a"], "direct"), "b": (usual["b"],)}, 1)
    assert second == {"a": "direct"}
    assert _of_rank(plan, {"a": (usual["a"], "direct")}, 2) == {}


def test_the_fastest_is_taken_where_it_is_worth_it():
    """A hundredth is luck."""
    of, x = residual_network(), drawn(2, 3, 8, 8)
    plans = [Program(of, wanted=wanted).pieces[0].part.plan_for([x]) for wanted in ({}, {"a": "direct", "b": "direct"})]
    times = [{"a": 1.0, "b": 1.0, "c": 1.0}, {"a": 0.5, "b": 0.99, "c": 2.0}]
    assert _fastest(plans, times, dict.fromkeys("abc", ())) == {"a": "direct"}


def test_a_part_is_left_as_it_is():
    """Until it is planned anew."""
    part = Program(residual_network()).pieces[0].part
    tuned(part, [drawn(2, 3, 8, 8)], 0.0)
    assert part.wanted == {}
