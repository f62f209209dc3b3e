"""explain.grad_cam: maps weighted by mean gradients."""

import pytest
import torch
from captum_oracle import attr
from explain.networks import STRANGERS, image_for
from torch import nn
from torch.nn import functional as F

from striate.errors import OptionError
from striate.explain.grad_cam import cam_layer, grad_cam
from striate.explain.layers import capture


@pytest.mark.parametrize("layer", ["1", "4", "5"])
def test_it_is_captums(small, layer):
    """The positive part, enlarged as PyTorch enlarges."""
    maps = attr.LayerGradCam(small.model, small.model[int(layer)]).attribute(
        small.images.clone().requires_grad_(), target=2, relu_attributions=True
    )
    want = F.interpolate(maps.detach(), (16, 16), mode="bilinear", align_corners=False)
    found = grad_cam(small.network, small.images, 2, layer=layer)
    torch.testing.assert_close(found.values, want, rtol=1e-6, atol=1e-9)
    assert found.target == f"class 2, at {layer}"


def test_the_layer_is_the_last_as_large_as_the_last_convolution(small):
    """What follows it, up to the next pooling, is looked at as the network sees it."""
    assert cam_layer(small.network, None).name == "4"
    for name, layer in {"functional": "clamp", "reused": "norm", "gated": "mul"}.items():
        assert cam_layer(capture(STRANGERS[name](), image_for(name)), None).name == layer


@pytest.mark.refusal
def test_layers_without_maps_are_refused(small):
    """By name, or where there is none at all."""
    with pytest.raises(OptionError) as error:
        grad_cam(small.network, small.images, layer="7")
    assert str(error.value) == (
        "grad_cam: 7 has no maps.\n  shape  (20,)\nChoose a layer of channels, height and width: 0, 1, 2, 3, 4, 5."
    )
    flat = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    with pytest.raises(OptionError) as error:
        grad_cam(flat, torch.zeros(1, 3, 2, 2))
    assert str(error.value) == (
        "grad_cam: Sequential has no convolution whose maps have positions.\n  layers  0, 1\n"
        "Name a layer with maps, if there is one: layer=..."
    )
