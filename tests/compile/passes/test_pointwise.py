"""passes.pointwise: linear layers over pixels are convolutions, and what permutes to and fro goes."""

import pytest
import torch
from graphs import agrees, ops_of
from torch import nn

from striate.compile.passes import simplified
from striate.compile.passes.pointwise import find_pointwise

pytestmark = pytest.mark.traced


class Block(nn.Module):
    """ConvNeXt's, with or without its normalisation, and with another order of axes."""

    def __init__(self, *, norm=True, back=(0, 3, 1, 2)):
        super().__init__()
        self.depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.norm = nn.LayerNorm(6) if norm else nn.Identity()
        self.wide, self.narrow = nn.Linear(6, 24), nn.Linear(24, 6, bias=False)
        self.scale = nn.Parameter(torch.rand(6, 1, 1))
        self.back = back

    def forward(self, x):
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.narrow(nn.functional.gelu(self.wide(y)))
        return x + self.scale * y.permute(*self.back)


def test_a_block_is_convolutions():
    """Its scale, its activation and its shortcut are theirs; permutations stay around the normalisation alone."""
    graph = agrees(Block(), (2, 6, 5, 7), (3, 6, 8, 4), change=simplified)
    assert ops_of(graph) == ["conv", "permute.default", "layer_norm.default", "permute.default", "conv", "conv"]
    assert graph.nodes[-1].inputs[3] == "x"


def test_without_a_normalisation_nothing_is_permuted():
    """The block is three convolutions."""
    graph = agrees(Block(norm=False), (2, 6, 5, 7), change=simplified)
    assert ops_of(graph) == ["conv", "conv", "conv"]


def test_what_is_read_in_another_order_stays_permuted():
    """Rows for columns is no way back."""
    graph = agrees(Block(back=(0, 3, 2, 1)), (2, 6, 5, 5), change=simplified)
    assert ops_of(graph).count("permute.default") == 4


def test_other_linear_layers_stay():
    """Those of rows, and those whose last axis is no channel of an image."""
    for size in ((2, 6), (2, 4, 5, 6)):
        assert ops_of(agrees(nn.Linear(6, 3), size, change=find_pointwise)) == ["linear"]
