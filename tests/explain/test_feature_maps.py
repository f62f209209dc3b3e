"""explain.feature_maps: the values are the model's own."""

import pytest
import torch
from torch import nn

from striate.errors import OptionError
from striate.explain.feature_maps import feature_maps, picture_of
from striate.explain.layers import capture


@pytest.fixture
def net():
    """A network whose rectifier writes in place."""
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 2))


def test_the_maps_are_what_the_model_computes(net):
    """Every layer with rows and columns; the values in front of a rectifier that writes in place are kept."""
    images = torch.randn(4, 1, 8, 8)
    found = feature_maps(net, images)
    assert list(found) == ["0", "1", "2"]
    torch.testing.assert_close(found["0"], net[0](images))
    torch.testing.assert_close(found["1"], net[:2](images))
    torch.testing.assert_close(found["2"], net[:3](images))
    again = feature_maps(capture(net, images), images, ["4"])
    torch.testing.assert_close(again["4"], net(images))


def test_a_rectified_layer_is_drawn_without_sign(net):
    """Dark where it is silent; a layer that goes below zero has blue."""
    maps = torch.zeros(5, 4, 4)
    maps[0, 1, 1] = 1
    assert picture_of(maps)[0, 0].max() < 30
    maps[1, 0, 0] = -1
    red, _, blue = picture_of(maps)[0, 5].tolist()
    assert blue > red
    assert picture_of(maps, most=1).shape == (4, 4, 3)


@pytest.mark.refusal
@pytest.mark.traced
def test_unknown_layers_are_refused(net):
    """The message lists those that there are."""
    with pytest.raises(OptionError, match=r"(?s)no layer called 'conv9'.*Choose one of: 0, 1, 2, 3, 4\."):
        feature_maps(net, torch.randn(1, 1, 8, 8), ["conv9"])
