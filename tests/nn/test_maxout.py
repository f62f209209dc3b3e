"""nn.maxout: settings are checked when the layer is made; the rest is the function."""

import pytest
import torch

from striate import ops
from striate.errors import OptionError, ShapeError
from striate.nn import Maxout, TileMaxPool1d, TileMaxPool2d, TileMaxPool3d

# (the layer, what it calls, its axes)
LAYERS = [
    (lambda: Maxout(2), lambda x: ops.maxout(x, 2), 2),
    (lambda: Maxout(5, dim=-1), lambda x: ops.maxout(x, 5, -1), 1),
    (lambda: TileMaxPool1d(2), lambda x: ops.tile_max_pool1d(x, 2), 1),
    (lambda: TileMaxPool2d(2), lambda x: ops.tile_max_pool2d(x, 2), 2),
    (lambda: TileMaxPool3d(2), lambda x: ops.tile_max_pool3d(x, 2), 3),
]
layers = pytest.mark.parametrize(("make", "function", "rank"), LAYERS)


@layers
def test_calls_the_function_of_its_name(make, function, rank):
    """The layer's output is the function's, with the layer's settings; it has nothing to learn or to save."""
    layer, x = make(), torch.randn(2, 4, *[5] * rank)
    torch.testing.assert_close(layer(x), function(x), rtol=0, atol=0)
    assert not layer.state_dict()


def test_it_prints_its_settings():
    """What it must be given, and what is not as usual."""
    assert repr(Maxout(3)) == "Maxout(pieces=3)"
    assert repr(Maxout(3, dim=0)) == "Maxout(pieces=3, dim=0)"
    assert repr(TileMaxPool2d((2, 3))) == "TileMaxPool2d(tiles=(2, 3))"


@pytest.mark.refusal
def test_settings_that_cannot_be_are_refused_when_it_is_made():
    """Before any data; the message names the layer."""
    with pytest.raises(ShapeError) as error:
        Maxout(0)
    assert str(error.value) == "Maxout: pieces is less than 1.\n  pieces  0\nGive 1 or more."
    with pytest.raises(OptionError) as error:
        Maxout(2.0)
    assert str(error.value) == "Maxout: pieces is no whole number.\n  pieces  2.0\nGive the maps in a group."
    with pytest.raises(ShapeError) as error:
        TileMaxPool1d((2, 2))
    assert str(error.value) == (
        "TileMaxPool1d: tiles has 2 numbers for 1 spatial axes.\n  tiles  (2, 2)\nGive one number, or 1."
    )
