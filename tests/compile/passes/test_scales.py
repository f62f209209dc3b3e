"""passes.scales: factors and shifts of channels end up in the weights before them."""

import pytest
import torch
from graphs import CONV, agrees, chain, ops_of
from torch import nn

from striate.compile.graph import Node
from striate.compile.interpret import run
from striate.compile.passes import simplified
from striate.compile.passes.scales import find_scales, fold_scales
from striate.compile.passes.unread import drop_unread

pytestmark = pytest.mark.traced


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Conv2d(4, 6, 3, groups=2, bias=False), nn.BatchNorm2d(6)),
        nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.BatchNorm2d(4, affine=False), nn.ReLU6()),
        nn.Sequential(nn.Flatten(), nn.Linear(256, 5), nn.BatchNorm1d(5)),
        nn.Sequential(nn.BatchNorm2d(4), nn.BatchNorm2d(4)),
    ],
    ids=["grouped", "depthwise", "linear", "scale"],
)
def test_a_normalisation_is_folded(model):
    """The answer is the same, and there is no more to do."""
    graph = agrees(model, (2, 4, 8, 8), change=simplified)
    assert len([op for op in ops_of(graph) if op != "flatten"]) == 1


def test_a_normalisation_that_cannot_be_folded_stays():
    """Behind an activation, where another reads what it reads, or over another axis than the features."""

    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)

        def forward(self, x):
            y = self.conv(x)
            return y * self.norm(y)

    for model in (
        Shared(),
        nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU(), nn.BatchNorm2d(4)),
        nn.Sequential(nn.Linear(8, 4), nn.BatchNorm2d(4)),
    ):
        assert "scale" in ops_of(agrees(model, (2, 4, 8, 8), change=simplified))


def test_constants_of_one_channel_each_are_a_scale():
    """Those of other forms are not."""
    x = torch.randn(2, 3, 6, 6)
    for op, size, found in (("mul", (3, 1, 1), "scale"), ("add", (1, 3, 1, 1), "scale"), ("mul", (6,), "mul")):
        graph = chain(Node("y", op, ("x", "c")), constants={"c": torch.randn(size)})
        changed = find_scales(graph)
        assert ops_of(changed) == [found]
        torch.testing.assert_close(run(changed, x), run(graph, x))


def test_a_shift_is_added_in_float64():
    """Weights are multiplied; the bias is multiplied as well, and rounded once."""
    weight, factor = torch.randn(3, 3, 3, 3), torch.rand(3)
    nodes = (Node("a", "conv", ("x", "w", "s", None), CONV), Node("y", "scale", ("a", "f", "s")))
    graph = drop_unread(fold_scales(chain(*nodes, constants={"w": weight, "f": factor, "s": torch.ones(3)})))
    assert graph.constants["y.weight"].equal(weight * factor.view(-1, 1, 1, 1))
    assert graph.constants["y.bias"].equal((factor.double() + 1).float())
