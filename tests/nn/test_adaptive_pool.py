"""nn.adaptive_pool: settings are checked when the layer is made; the rest is the function."""

import pytest
import torch
from torch import nn as torch_nn

from striate.errors import OptionError, ShapeError
from striate.nn import adaptive_pool as layers_of
from striate.nn.adaptive_pool import AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, GlobalMaxPool3d
from striate.ops import adaptive_pool as ops

# (the layer, what it calls, its axes)
LAYERS = [
    (lambda: layers_of.AdaptiveAvgPool1d(2), lambda x: ops.adaptive_avg_pool1d(x, 2), 1),
    (layers_of.GlobalAvgPool1d, ops.global_avg_pool1d, 1),
    (lambda: layers_of.AdaptiveMaxPool1d(2), lambda x: ops.adaptive_max_pool1d(x, 2), 1),
    (layers_of.GlobalMaxPool1d, ops.global_max_pool1d, 1),
    (lambda: layers_of.AdaptiveAvgPool2d(2), lambda x: ops.adaptive_avg_pool2d(x, 2), 2),
    (layers_of.GlobalAvgPool2d, ops.global_avg_pool2d, 2),
    (lambda: layers_of.AdaptiveMaxPool2d(2), lambda x: ops.adaptive_max_pool2d(x, 2), 2),
    (layers_of.GlobalMaxPool2d, ops.global_max_pool2d, 2),
    (lambda: layers_of.AdaptiveAvgPool3d(2), lambda x: ops.adaptive_avg_pool3d(x, 2), 3),
    (layers_of.GlobalAvgPool3d, ops.global_avg_pool3d, 3),
    (lambda: layers_of.AdaptiveMaxPool3d(2), lambda x: ops.adaptive_max_pool3d(x, 2), 3),
    (layers_of.GlobalMaxPool3d, ops.global_max_pool3d, 3),
]
layers = pytest.mark.parametrize(("make", "function", "rank"), LAYERS)


@layers
def test_calls_the_function_of_its_name(make, function, rank):
    """The layer's output is the function's, with the layer's settings; it has nothing to learn or to save."""
    layer, x = make(), torch.randn(2, 4, *[5] * rank)
    torch.testing.assert_close(layer(x), function(x), rtol=0, atol=0)
    assert not layer.state_dict()


@pytest.mark.parametrize("name", [f"Adaptive{kind}Pool{rank}d" for kind in ("Avg", "Max") for rank in (1, 2, 3)])
def test_takes_the_place_of_pytorch_s(name):
    """The same positional arguments give the same, switches included."""
    rank = int(name[-2])
    settings = (3, True) if "Max" in name else (3,)
    x = torch.randn(2, 3, *[7] * rank)
    torch.testing.assert_close(getattr(layers_of, name)(*settings)(x), getattr(torch_nn, name)(*settings)(x))


def test_it_prints_its_settings():
    """The size that it makes, and whether switches come with it."""
    assert repr(AdaptiveAvgPool2d((None, 3))) == "AdaptiveAvgPool2d(output_size=(None, 3))"
    assert repr(AdaptiveMaxPool2d(1, True)) == "AdaptiveMaxPool2d(output_size=1, return_indices=True)"
    assert repr(GlobalMaxPool3d()) == "GlobalMaxPool3d()"


@pytest.mark.refusal
def test_settings_that_cannot_be_are_refused_when_it_is_made():
    """Before any data; the message names the layer."""
    with pytest.raises(ShapeError) as error:
        AdaptiveMaxPool1d((2, 2))
    assert str(error.value) == (
        "AdaptiveMaxPool1d: output_size has 2 numbers for 1 spatial axes.\n  output_size  (2, 2)\n"
        "Give one number, or 1."
    )
    with pytest.raises(OptionError) as error:
        AdaptiveAvgPool2d(1.5)
    assert str(error.value) == (
        "AdaptiveAvgPool2d: output_size is not made of whole numbers.\n  output_size  [1.5]\n"
        "Give output_size as a whole number, or as 2 of them, one for each spatial axis."
    )
