"""Parts that the core computes: plans for each size, weights for all."""

import torch
from small_graphs import drawn, residual_network

from striate.compile.graph import Given, Graph, Node
from striate.compile.interpret import run
from striate.compile.part import Part
from striate.engine.choice import Choice


def test_there_is_a_plan_for_every_size_layout_and_number_of_threads():
    """It is made once, and the weights are shared."""
    of = residual_network()
    part, x = Part(of, Choice()), drawn(2, 3, 8, 8)
    found = part.plan_for([x])
    weights = part.weights.prepared_bytes
    assert part.plan_for([x]) is found
    assert part.plan_for([x[:1]]) is not found
    assert part.plan_for([x.contiguous(memory_format=torch.channels_last)]) is not found
    assert part.weights.prepared_bytes == weights


def test_what_lies_in_neither_layout_is_copied():
    """Every other column of an image."""
    of, x = residual_network(), drawn(2, 3, 8, 16)[..., ::2]
    for got, want in zip(Part(of, Choice()).run([x]), run(of, x), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)


def test_a_part_is_planned_as_was_asked_when_it_was_made():
    """Whoever runs it later asks for nothing."""
    of = residual_network()
    exact = Part(of, Choice(forced="direct")).plan_for([drawn(2, 3, 8, 8)])
    assert {step.algorithm for step in exact.lowered.steps if step.op == "conv"} == {"direct"}


def test_plans_are_made_anew_for_other_algorithms():
    """As tuning wants them."""
    part, x = Part(residual_network(), Choice()), drawn(2, 3, 8, 8)
    part.plan_for([x])
    part.replan({"b": "direct"})
    assert {step.name: step.algorithm for step in part.plan_for([x]).lowered.steps}["b"] == "direct"


def test_a_small_one_keeps_nothing_that_is_larger_than_its_weights():
    """No forms of Winograd's, nor memory of runs; the answer stays."""
    weight = drawn(256, 256, 3, 3)
    node = Node(
        "y",
        "conv",
        ("x", "w", None, None),
        {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1},
    )
    of = Graph({"x": Given((1, 256, 14, 14))}, (node,), ("y",), {"w": weight})
    x = drawn(1, 256, 14, 14)
    forgotten = []
    small = Part(of, Choice(memory="small"), forget=lambda: forgotten.append(1))
    usual = Part(of, Choice())
    torch.testing.assert_close(small.run([x])[0], usual.run([x])[0], rtol=1e-3, atol=1e-3)
    assert small.weights.prepared_bytes <= 1.25 * weight.nbytes < usual.weights.prepared_bytes
    assert forgotten == [1]
    assert (len(small.plan_for([x])._free), len(usual.plan_for([x])._free)) == (0, 1)
    small.replan({})
    small.run([x])
    assert forgotten == [1, 1]
