"""Activations of a graph, as the core has them."""

from striate.compile.operations import ACTIVATIONS
from striate.compile.steps.bends import unbent


def test_the_core_does_every_activation_of_a_graph():
    """None is left to PyTorch."""
    assert [name for name in ACTIVATIONS if unbent((name,))] == []
    assert unbent(("mish",)) == "the core has no activation 'mish'"
    assert unbent(None) == ""
