"""models.lenet5: the sizes of the paper's figure 2, layer by layer."""

import pytest
import torch

from striate.errors import ShapeError
from striate.models import LeNet5

# The table of the file's docstring: layer, output for 1 x 32 x 32, parameters.
TABLE = [
    ("C1", (6, 28, 28), 156),
    ("S2", (6, 14, 14), 0),
    ("C3", (16, 10, 10), 2416),
    ("S4", (16, 5, 5), 0),
    ("C5", (120, 1, 1), 48120),
    ("F6", (84,), 10164),
    ("output", (10,), 850),
]


@pytest.mark.parametrize(("layer", "shape", "parameters"), TABLE, ids=[row[0] for row in TABLE])
def test_layers_are_the_paper_s(layer, shape, parameters):
    """Each layer has the output and the parameters of figure 2, C3 excepted, as the file says."""
    network, seen = LeNet5(), []
    module = network.get_submodule(layer)
    module.register_forward_hook(lambda *given: seen.append(tuple(given[2].shape[1:])))
    network(torch.zeros(2, 1, 32, 32))
    assert seen == [shape]
    assert sum(p.numel() for p in module.parameters()) == parameters


@pytest.mark.parametrize("image_size", [(32, 32), (16, 16), (17, 40), (64, 33)])
def test_c5_is_as_large_as_its_input(image_size):
    """Whatever the size, C5 leaves one unit a kernel, as in the paper."""
    network = LeNet5(3, in_channels=2, image_size=image_size)
    assert network.features(torch.zeros(2, 2, *image_size)).shape == (2, 120, 1, 1)
    assert network(torch.zeros(2, 2, *image_size)).shape == (2, 3)


def test_rectified_units_keep_their_scale():
    """The first weights neither shrink nor blow up what passes through them (He et al. 2015)."""
    torch.manual_seed(1)
    units = LeNet5().features(torch.randn(64, 1, 32, 32))
    assert 0.3 < units.square().mean().sqrt() < 5


@pytest.mark.refusal
@pytest.mark.parametrize("image_size", [(15, 32), (32, 15), (1, 1)])
def test_images_that_are_too_small_are_explained(image_size):
    """Nothing would be left of them before C5."""
    with pytest.raises(ShapeError) as error:
        LeNet5(in_channels=3, image_size=image_size)
    assert str(error.value) == (
        "LeNet5: images are too small for two 5x5 convolutions, each followed by halving.\n"
        f"  images  (C=3, H={image_size[0]}, W={image_size[1]})\n"
        "Enlarge the images to 16x16 or more; the paper's are 32x32."
    )
