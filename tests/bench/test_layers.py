"""bench.layers: the layers are the networks' own, and ours, PyTorch's and the answer they are held to are the same."""

import sys

import pytest
import torch
from bench.layers import (
    LAYOUTS,
    NAMED,
    NETWORKS,
    OURS,
    Layer,
    affordable,
    asked,
    close,
    geometric_mean,
    layers_of,
    network,
    race,
    raced,
)
from bench.random_shapes import SHAPES, shapes
from torch import nn


@pytest.mark.parametrize(("name", "count"), list(zip(NETWORKS, (20, 36, 53, 13, 5, 5), strict=True)))
def test_every_convolution_of_a_network_is_there(name, count):
    """As many as in the paper's table."""
    assert len(layers_of(name)) == count


def test_vgg_is_the_papers():
    """Simonyan and Zisserman 2015, configuration D: 138 million parameters; its list is what the network computes."""
    with torch.device("meta"):
        model = network("vgg16")
    assert sum(p.numel() for p in model.parameters()) == 138_357_544
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels) for c in convolutions] == [
        (layer.channels, layer.kernels) for layer in layers_of("vgg16")
    ]


def test_a_layer_is_timed_three_ways():
    """The row says what it is, how long each took, and what ran."""
    found = race("test", Layer(8, 8, (9, 9), (3, 3)), 1, threads=1, n=2)
    assert list(found.result.seconds) == [OURS, *LAYOUTS]
    assert found.better in LAYOUTS
    assert found.speed_up == found.over(found.better) > 0
    assert raced(found)[0] == "3x3 8 @9"
    assert raced(found)[-1] == found.algorithm


def test_an_answer_that_is_wrong_by_a_hundredth_is_wrong():
    """Of the largest, or of another shape."""
    want = torch.tensor([1.0, 100.0])
    assert close(want, want + 0.05)
    assert not close(want, want + 1.0)
    assert not close(want, torch.zeros(3))
    assert not close(want, torch.full((2,), torch.nan))


def test_layers_are_written_shortly():
    """What is usual is left out."""
    assert (
        str(Layer(3, 96, (227, 224), (11, 5), 4, dilation=2, groups=3))
        == "11x5 3 to 96 @227x224 /4 dilation 2 groups 3"
    )
    assert len({str(layer) for layer in NAMED}) == len(NAMED)


def test_ratios_are_averaged_by_their_logarithms():
    """Twice as fast and half as fast are as fast."""
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1.0)


def test_the_command_line_says_how_much_is_timed(monkeypatch):
    """The usual numbers if it says nothing."""
    monkeypatch.setattr(sys, "argv", ["bench"])
    assert (asked(turns=30).turns, asked(turns=30).threads) == (30, [1, 2])
    monkeypatch.setattr(sys, "argv", ["bench", "--turns", "3", "--threads", "1"])
    assert (asked(turns=30).turns, asked(turns=30).threads) == (3, [1])


def test_large_layers_have_fewer_turns_but_seven():
    """As many as are asked for, if that is fewer."""
    large, small = Layer(64, 64, (224, 224), (3, 3)), Layer(8, 8, (9, 9), (3, 3))
    assert (affordable(30, small, 1), affordable(30, large, 8), affordable(2, large, 8)) == (30, 7, 2)


def test_random_shapes_are_the_same_every_time_and_of_every_kind():
    """Large and small kernels, strides, dilations, groups, odd sizes, channels that are no multiple of 8."""
    drawn = shapes()
    assert drawn == shapes()
    assert len(drawn) == SHAPES
    layers = [layer for layer, _ in drawn]
    assert {layer.stride for layer in layers} == {1, 2, 3}
    assert {layer.dilation for layer in layers} == {1, 2, 3}
    assert {1, 11} <= {layer.taps[0] for layer in layers}
    for has in (
        lambda layer: layer.groups == layer.channels > 1,
        lambda layer: 1 < layer.groups < layer.channels,
        lambda layer: layer.channels % 8,
        lambda layer: layer.kernels % 8,
        lambda layer: layer.size[0] != layer.size[1],
        lambda layer: layer.size[0] % 2,
    ):
        assert sum(bool(has(layer)) for layer in layers) >= 10
