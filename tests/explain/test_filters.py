"""explain.filters: the kernels are the model's, and are drawn as they are."""

from typing import Any

import pytest
import torch
from torch import nn

from striate.errors import OptionError, ShapeError
from striate.explain.filters import filters
from striate.explain.rendering import grey
from striate.models import create
from striate.nn import UnsharedConv2d


def test_the_first_layer_is_the_first():
    """Its kernels, one picture each, in the image's colours."""
    model: Any = create("zfnet", classes=2, image_size=(64, 64))
    found = filters(model)
    assert (found.layer, found.on_image) == ("conv1", True)
    assert found.weight.equal(model.conv1.weight)
    assert not found.weight.requires_grad
    picture = found.picture()
    assert picture.shape == (10 * 8 - 1, 10 * 8 - 1, 3)
    assert (picture[8:15, 8:15] == grey(model.conv1.weight[11])).all()


def test_deeper_kernels_are_signed_maps():
    """A row a kernel, a column a channel; the legend says so."""
    model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.Conv2d(5, 2, 3))
    found = filters(model, "1")
    assert not found.on_image
    assert "A row a kernel" in found.legend
    assert found.picture().shape == (2 * 4 - 1, 5 * 4 - 1, 3)
    assert found.picture(most=4).shape == (2 * 4 - 1, 2 * 4 - 1, 3)


@pytest.mark.refusal
def test_what_there_is_is_listed():
    """A wrong name, no convolution at all, and kernels that are not shared."""
    with pytest.raises(OptionError) as error:
        filters(create("lenet5"), "conv1")
    assert str(error.value) == (
        "filters: no convolution is called 'conv1'.\n  model  LeNet5\nChoose one of: C1, C3, C5."
    )
    with pytest.raises(OptionError) as error:
        filters(nn.Linear(2, 2))
    assert str(error.value) == (
        "filters: the model has no two-dimensional convolution.\n  model  Linear\nPass a network that convolves images."
    )
    with pytest.raises(ShapeError) as error:
        filters(nn.Sequential(UnsharedConv2d(1, 2, 3, input_size=(5, 5))))
    assert str(error.value) == (
        "filters: the layer has kernels of its own at every position.\n  layer   0\n  weight  (3, 3, 2, 1, 3, 3)\n"
        "Choose a layer whose kernels are shared."
    )


def test_shared_kernels_of_an_image_are_drawn_with_their_own_scale():
    """A kernel ten times as large is the same picture."""
    model = nn.Conv2d(1, 2, 3)
    with torch.no_grad():
        model.weight[1] = 10 * model.weight[0]
    picture = filters(nn.Sequential(model)).picture()
    assert (picture[:, :3] == picture[:, 4:]).all()
