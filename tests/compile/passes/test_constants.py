"""passes.constants: what depends on no input is a constant."""

import pytest
import torch
from graphs import agrees, ops_of
from torch import nn

from striate.compile.passes.constants import fold_constants

pytestmark = pytest.mark.traced


def test_weights_that_are_computed_are_computed_once():
    """A convolution with normalised weights is one like any other."""
    layer = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))
    graph = agrees(layer, (2, 3, 8, 8), change=fold_constants)
    assert ops_of(graph) == ["conv"]
    assert graph.nodes[0].inputs[1] in graph.constants


def test_what_follows_from_an_input_stays():
    """Its size as well."""

    class Positions(nn.Module):
        def forward(self, x):
            return x + torch.arange(x.shape[-1]) + torch.arange(3.0).view(-1, 1, 1)

    graph = agrees(Positions(), (1, 3, 4, 4), (1, 3, 4, 9), change=fold_constants)
    assert ops_of(graph).count("arange.default") == 1
