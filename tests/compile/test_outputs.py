"""compile.outputs: what is returned has the model's form."""

import torch

from striate.compile.graph import Graph
from striate.compile.outputs import arranged, tensors_of


def of(returns):
    return Graph({}, (), (), {}, returns)


def test_without_a_form_one_is_returned_by_itself():
    """And several as a tuple."""
    assert arranged(of(None), [1]) == 1
    assert arranged(of(None), [1, 2]) == (1, 2)


def test_a_form_is_filled():
    """Mappings and tuples within each other; what is no output stays; a key may be called output."""
    returns = {"output": {"output": 0}, "more": ({"output": 1}, None, 3), "again": {"output": 0}}
    assert arranged(of(returns), ["a", "b"]) == {"output": "a", "more": ("b", None, 3), "again": "a"}


def test_tensors_are_listed_in_the_outputs_order():
    """As PyTorch's exporter lists them."""
    a, b = torch.zeros(1), torch.ones(1)
    assert [t.item() for t in tensors_of({"x": (b, None), "y": [a]})] == [1, 0]
