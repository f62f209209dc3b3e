"""nn.lp_pool: settings are checked when the layer is made; the rest is the function."""

import pytest
import torch
from torch import nn as torch_nn

from striate.errors import OptionError, ShapeError
from striate.nn.lp_pool import LPPool1d, LPPool2d, LPPool3d
from striate.ops import lp_pool as ops

# (the layer, what it calls, its axes)
LAYERS = [
    (lambda: LPPool1d(3, 2, 1, padding="same"), lambda x: ops.lp_pool1d(x, 3, 2, 1, padding="same"), 1),
    (lambda: LPPool2d(3, 2, 1, padding="same"), lambda x: ops.lp_pool2d(x, 3, 2, 1, padding="same"), 2),
    (lambda: LPPool3d(3, 2, 1, padding="same"), lambda x: ops.lp_pool3d(x, 3, 2, 1, padding="same"), 3),
]
layers = pytest.mark.parametrize(("make", "function", "rank"), LAYERS)


@layers
def test_calls_the_function_of_its_name(make, function, rank):
    """The layer's output is the function's, with the layer's settings; it has nothing to learn or to save."""
    layer, x = make(), torch.randn(2, 4, *[5] * rank)
    torch.testing.assert_close(layer(x), function(x), rtol=0, atol=0)
    assert not layer.state_dict()


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_takes_the_place_of_pytorch_s(rank):
    """The same positional arguments give the same, where PyTorch's is a norm."""
    ours = [LPPool1d, LPPool2d, LPPool3d][rank - 1](2, 3, 2)
    theirs = [torch_nn.LPPool1d, torch_nn.LPPool2d, torch_nn.LPPool3d][rank - 1](2, 3, 2)
    x = torch.randn(2, 3, *[7] * rank)
    torch.testing.assert_close(ours(x), theirs(x))


def test_it_prints_its_settings():
    """What it must be given, and what is not as usual."""
    assert repr(LPPool2d(2, 3)) == "LPPool2d(norm_type=2, kernel_size=3)"
    want = "LPPool1d(norm_type=1.5, kernel_size=3, stride=2, ceil_mode=True, padding='same')"
    assert repr(LPPool1d(1.5, 3, 2, True, padding="same")) == want


@pytest.mark.refusal
def test_settings_that_cannot_be_are_refused_when_it_is_made():
    """Before any data; the message names the layer."""
    with pytest.raises(OptionError) as error:
        LPPool2d(-1, 2)
    assert str(error.value) == (
        "LPPool2d: norm_type is not above 0.\n  norm_type  -1\n"
        "Give the power p of the norm: 1 sums, 2 is Euclid's, inf takes the greatest."
    )
    with pytest.raises(ShapeError) as error:
        LPPool3d(2, (2, 2))
    assert str(error.value) == (
        "LPPool3d: kernel_size has 2 numbers for 3 spatial axes.\n  kernel_size  (2, 2)\nGive one number, or 3."
    )
