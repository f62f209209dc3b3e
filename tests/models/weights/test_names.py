"""models.weights.names: others' names, as their definitions give them, lead to our layers, each to its own."""

import pytest
import torch
from torch import nn

from striate.models.weights import WEIGHTS
from striate.models.weights.names import BVLC, CAFFE2, PYTORCHCV

LAYERS = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
# Kernels, channels that each sees, and size; or outputs and inputs.
PYTORCHCV_SHAPES = {
    "alexnet": [(96, 3, 11), (256, 96, 5), (384, 256, 3), (384, 384, 3), (256, 384, 3), (4096, 9216), (4096, 4096)],
    "zfnet": [(96, 3, 7), (256, 96, 5), (384, 256, 3), (384, 384, 3), (256, 384, 3), (4096, 9216), (4096, 4096)],
    "zfnet-b": [(96, 3, 7), (256, 96, 5), (512, 256, 3), (1024, 512, 3), (512, 1024, 3), (4096, 18432), (4096, 4096)],
}
# What ONNC and others print of bvlcalexnet's initialisers.
BVLC_SHAPES = {
    "conv1_w_0": (96, 3, 11, 11),
    "conv2_w_0": (256, 48, 5, 5),
    "conv3_w_0": (384, 256, 3, 3),
    "conv4_w_0": (384, 192, 3, 3),
    "conv5_w_0": (256, 192, 3, 3),
    "fc6_w_0": (4096, 9216),
    "fc7_w_0": (4096, 4096),
    "fc8_w_0": (1000, 4096),
}


class Unit(nn.Module):
    """pytorchcv's block of one convolution."""

    def __init__(self, kernels, channels, size):
        super().__init__()
        self.conv = nn.Conv2d(channels, kernels, size)


class Dense(nn.Module):
    """pytorchcv's block of one dense layer."""

    def __init__(self, outputs, inputs):
        super().__init__()
        self.fc = nn.Linear(inputs, outputs)


def pytorchcv(shapes):
    """Build what pytorchcv's definition does: three stages of units, and three dense layers."""
    units = [Unit(*shape) for shape in shapes[:5]]
    network = nn.Module()
    network.features, network.output = nn.Sequential(), nn.Module()
    for i, stage in enumerate([units[:1], units[1:2], units[2:]], start=1):
        named = nn.Sequential()
        for j, unit in enumerate(stage, start=1):
            named.add_module(f"unit{j}", unit)
        named.add_module(f"pool{i}", nn.MaxPool2d(3))
        network.features.add_module(f"stage{i}", named)
    network.output.fc1, network.output.fc2 = Dense(*shapes[5]), Dense(*shapes[6])
    network.output.fc3 = nn.Linear(4096, 1000)
    return network


def shapes_of(state):
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


@pytest.mark.parametrize("model", PYTORCHCV_SHAPES)
def test_pytorchcv_s_names_are_those_of_its_definition(model):
    """Each once, in the order of the layers."""
    with torch.device("meta"):
        theirs = pytorchcv(PYTORCHCV_SHAPES[model]).state_dict()
    assert list(PYTORCHCV) == list(theirs)
    assert list(PYTORCHCV.values()) == [f"{layer}.{kind}" for layer in LAYERS for kind in ("weight", "bias")]


def test_bvlc_s_names_are_those_of_its_listing():
    """Each once, in the order of the layers."""
    assert [name for name in BVLC if "_w_" in name] == list(BVLC_SHAPES)
    assert list(BVLC.values()) == [f"{layer}.{kind}" for layer in LAYERS for kind in ("weight", "bias")]


def test_caffe2_s_names_say_where_they_were_trained():
    """As the listing of zfnet512 has them."""
    assert list(CAFFE2)[:3] == ["gpu_0/conv1_w_0", "gpu_0/conv1_b_0", "gpu_0/conv2_w_0"]
    assert list(CAFFE2.values()) == list(BVLC.values())


@pytest.mark.parametrize("row", [row for row in WEIGHTS if row.names], ids=str)
def test_no_two_tensors_get_one_name(row):
    """The map can be read both ways."""
    assert len(set(row.names.values())) == len(row.names) == 16
