"""Constants, and the forms in which algorithms read them."""

import threading

import torch
from small_graphs import drawn

from striate.compile.weights import Weights
from striate.engine.problem import Problem
from striate.engine.program import choose


def test_a_form_is_made_once_for_all_sizes():
    """However large the images are, and however many threads ask for it at once."""
    weights = Weights({"w": drawn(8, 4, 3, 3)})
    problems = [Problem.of((n, 4, 9 + n, 9), (8, 4, 3, 3)) for n in (1, 2, 3, 4)]
    place = choose(problems[0], 1).place
    found = []
    threads = [
        threading.Thread(target=lambda of=of: found.append(weights.prepared("w", place, of, 1))) for of in problems
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({made.data_ptr() for made in found}) == 1
    assert weights.prepared_bytes == found[0].nbytes


def test_constants_are_left_alone():
    """What is prepared is a copy."""
    kernels = drawn(8, 4, 1, 1)
    before = kernels.clone()
    problem = Problem.of((1, 4, 3, 3), (8, 4, 1, 1))
    made = Weights({"w": kernels}).prepared("w", choose(problem, 1).place, problem, 1)
    made.zero_()
    assert torch.equal(kernels, before)


def test_it_is_told_when_a_form_is_made():
    """Once a form: what it was made of can be let go."""
    told = []
    weights = Weights({"b": drawn(8)}, lambda: told.append(1))
    assert weights.plain("b") is weights.plain("b")
    assert torch.equal(weights.plain("b"), weights.constants["b"])
    assert weights.plain("b").data_ptr() != weights.constants["b"].data_ptr()
    assert told == [1]
