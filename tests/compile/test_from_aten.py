"""compile.from_aten: the table of PyTorch's operators; test_capture holds what each becomes against the operator."""

import pytest
import torch
from graphs import agrees, ops_of
from torch import nn

from striate.compile.from_aten import CONVERTERS

pytestmark = pytest.mark.traced


def test_every_name_is_an_operators():
    """PyTorch has each, or the engine."""
    own = {"conv2d_finished"}
    assert not [name for name in CONVERTERS if name not in own and not hasattr(torch.ops.aten, name)]


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), groups=2),
        nn.Conv2d(4, 6, 4, padding="same", dilation=(1, 2)),
        nn.Conv2d(4, 6, 3, padding="valid", bias=False),
        nn.BatchNorm2d(4, affine=False),
        nn.MaxPool2d((3, 2), (2, 1), (1, 0), (1, 2), ceil_mode=True),
        nn.AvgPool2d((3, 2), (2, 1), (1, 0), True, False, divisor_override=5),
        nn.ZeroPad2d((1, 0, 2, 3)),
        nn.Softmax2d(),
        nn.LeakyReLU(0.3),
        nn.Unflatten(1, (2, 2)),
        nn.Sequential(nn.Softmax(1), nn.Dropout(inplace=True), nn.Dropout2d(), nn.Identity()),
    ],
    ids=str,
)
def test_a_layer_is_one_operation(layer):
    """With all of its settings."""
    graph = agrees(layer, (2, 4, 9, 8), (3, 4, 12, 7))
    assert len(graph.nodes) == 1


@pytest.mark.parametrize(
    "layer",
    [nn.Conv1d(4, 6, 3), nn.Conv3d(4, 2, 3), nn.ConvTranspose2d(4, 6, 3), nn.Mish(), nn.SELU(), nn.PReLU(4),
     nn.MaxPool2d(2, return_indices=True), nn.AdaptiveMaxPool2d(2), nn.GroupNorm(2, 4), nn.ReflectionPad2d(1),
     nn.PixelShuffle(2), nn.BatchNorm2d(4, track_running_stats=False)],
    ids=str,
)  # fmt: skip
def test_other_layers_stay_pytorchs(layer):
    """They are as exact as they were."""
    shape = {"Conv1d": (2, 4, 9), "Conv3d": (2, 4, 5, 6, 7)}.get(type(layer).__name__, (2, 4, 8, 8))
    graph = agrees(layer, shape)
    assert {node.op for node in graph.nodes} == {"torch"}
    assert ops_of(graph)
