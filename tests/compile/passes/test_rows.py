"""passes.rows: linear layers over the last axis are the core's, whatever the other axes are."""

import pytest
import torch
from graphs import agrees, ops_of
from torch import nn

from striate import compile  # noqa: A004 - it is what PyTorch calls it
from striate.compile.passes import simplified

pytestmark = pytest.mark.traced


class Mlp(nn.Module):
    """A transformer's: two linear layers, a bend between, and the input added."""

    def __init__(self):
        super().__init__()
        self.norm, self.wide, self.narrow = nn.LayerNorm(6), nn.Linear(6, 24), nn.Linear(24, 6, bias=False)

    def forward(self, x):
        return x + self.narrow(nn.functional.gelu(self.wide(self.norm(x))))


def test_rows_stay_rows_between_two_layers():
    """The bend is the first one's, and shapes come back after the second."""
    graph = agrees(Mlp(), (2, 5, 6), (3, 5, 6), change=simplified)
    layers = ["reshape.default", "sym_size.int", "linear", "linear", "reshape.default"]
    assert ops_of(graph) == ["layer_norm.default", *layers, "add"]


@pytest.mark.parametrize("size", [(2, 5, 6), (2, 4, 5, 6), (2, 3, 4, 5, 6)])
def test_any_number_of_axes(size):
    """Three, four and five; and the core computes it."""
    layer = nn.Linear(6, 3).eval()
    agrees(layer, size, change=simplified)
    program = compile(layer, torch.zeros(size))
    assert "linear.rows" not in program.left
    x = torch.randn(3, *size[1:], generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(program(x), layer(x).detach(), rtol=1e-4, atol=1e-5)


def test_a_shape_that_is_read_by_others_is_there_still():
    """What is between two layers, and returned as well."""

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(6, 4), nn.Linear(4, 3)

        def forward(self, x):
            y = self.first(x)
            return y.transpose(1, 2), self.second(y)

    graph = agrees(Both(), (2, 5, 6), (4, 5, 6), change=simplified)
    assert ops_of(graph).count("linear") == 2
    assert ops_of(graph).count("reshape.default") == 3  # to rows once, and back for each that is read


def test_rows_are_left_alone():
    """A classifier's are rows already."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 3))
    assert ops_of(agrees(model, (2, 3, 2, 2), change=simplified)) == ["flatten", "linear", "linear"]
