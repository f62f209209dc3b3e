"""explain.operations: each operation is of the kind that its numbers say, not its name."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from striate.explain.layers import capture

CASES = {
    "relu": (F.relu, "relu"),
    "in place": (lambda x: F.relu_(x + 0), "relu"),
    "relu6": (F.relu6, "relu"),
    "clamp at zero": (lambda x: x.clamp(min=0), "relu"),
    "clamp elsewhere": (lambda x: x.clamp(min=-1), None),
    "hardtanh": (F.hardtanh, None),
    "threshold": (lambda x: F.threshold(x, 0, 0), "relu"),
    "threshold elsewhere": (lambda x: F.threshold(x, 0, 1), None),
    "gelu": (F.gelu, "smooth"),
    "sigmoid": (torch.sigmoid, None),
    "gate": (lambda x: x * torch.sigmoid(x.mean((2, 3)))[:, :, None, None].expand_as(x), "gate"),
    "divide by a number": (lambda x: x / 2, None),
    "divide by itself": (lambda x: x / (1 + x * x), "divide"),
    "max pool": (lambda x: F.max_pool2d(x, 2), "max_pool"),
    "layer norm": (lambda x: F.layer_norm(x, (4,)), "norm"),
    "response norm": (lambda x: F.local_response_norm(x, 3), "divide"),
}


class Of(nn.Module):
    """A function as a model."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.traced
@pytest.mark.parametrize(("function", "kind"), CASES.values(), ids=CASES)
def test_kinds(function, kind):
    """The kind of the one operation that has one."""
    layers = capture(Of(function), torch.zeros(1, 2, 4, 4)).layers.values()
    assert [k for layer in layers for k in layer.operations] == ([kind] if kind else [])
