"""engine.decisions: every convolution of a model has a plan, and layers that are alike have one together."""

from torch import nn

from striate.engine.decisions import decisions
from striate.engine.wisdom import Remembered, remember
from striate.models import create


def test_layers_that_are_alike_are_decided_once():
    """ResNet-18 has twenty convolutions, of eleven kinds."""
    found = decisions(create("resnet18"), (1, 3, 64, 64), threads=1)
    assert len(found) == 11
    assert sum(len(decision.layers) for decision in found) == 20
    assert found[1].layers == ("layer1.0.conv1", "layer1.0.conv2", "layer1.1.conv1", "layer1.1.conv2")


def test_measured_times_are_told(wisdom_file):
    """Beside the estimates; none where nothing was measured."""
    model = nn.Conv2d(3, 8, 3)
    (before,) = decisions(model, (1, 3, 9, 9), threads=1)
    assert before.measured == {}
    remember(Remembered(str(before.plan.problem), 1, {"torch": 2.0}, 7))
    (after,) = decisions(model, (1, 3, 9, 9), threads=1)
    assert after.measured == {"torch": 2.0}
