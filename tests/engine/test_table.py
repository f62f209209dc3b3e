"""engine.table: every direction's algorithms, and what they make of a problem."""

import pytest
from convolutions import CASES, problem

from striate.engine.core import core
from striate.engine.parts import parts
from striate.engine.table import TABLES, table


@pytest.mark.parametrize("direction", TABLES)
def test_the_reference_is_last_of_the_core_and_refuses_nothing(direction):
    """Whatever the problem, something computes it; what is not the core's comes behind."""
    of = table(direction)
    last = of.names().index("reference")
    assert of.names()[last + 1 :] == (["fft", "onednn"] if direction == "forward" else ["fft"])
    assert not [case for case in CASES if of.refuses(last, problem(case))]


@pytest.mark.parametrize("direction", TABLES)
@pytest.mark.parametrize("case", CASES)
def test_what_is_not_refused_has_a_cost(direction, case):
    """Work above nothing, memory of nothing or more; weights' gradients read no packed weights."""
    of, turned = table(direction), problem(case).turned(direction)
    for place in range(len(of.names())):
        if not of.refuses(place, turned):
            assert of.work(place, turned, 2) > 0
            assert of.workspace_bytes(place, turned, 2) >= 0
            assert (of.packed_bytes(place, turned) > 0) == (direction != "weight gradient")


def test_an_input_gradient_is_refused_for_any_of_its_parts():
    """The reason is the core's."""
    of, turned = table("input gradient"), problem("3x3 strided").turned("input gradient")
    for place in range(len(core().algorithms())):
        reasons = [core().refuses(place, part.problem.handle) for part in parts(turned)]
        assert bool(of.refuses(place, turned)) == any(reasons)
        assert of.refuses(place, turned) in (*filter(None, reasons), "")
