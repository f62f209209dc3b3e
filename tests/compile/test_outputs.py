"""compile.outputs: what is returned has the model's form."""

import pytest
import torch

from striate.compile.graph import Graph
from striate.compile.outputs import arranged, tensors_of


def of(returns):
    return Graph({}, (), (), {}, returns)


@pytest.fixture
def two():
    return torch.zeros(1), torch.ones(1)


def test_without_a_form_one_is_returned_by_itself(two):
    """And several as a tuple."""
    assert arranged(of(None), two[:1]) is two[0]
    assert arranged(of(None), [*two]) == two


def test_a_form_is_filled(two):
    """Mappings and tuples within each other; what is no output stays; a key may be called output."""
    a, b = two
    returns = {"output": {"output": 0}, "more": ({"output": 1}, None, 3), "again": {"output": 0}}
    assert arranged(of(returns), two) == {"output": a, "more": (b, None, 3), "again": a}


def test_tensors_are_listed_in_the_outputs_order(two):
    """As PyTorch's exporter lists them."""
    a, b = two
    assert [t.item() for t in tensors_of({"x": (b, None), "y": [a]})] == [1, 0]
