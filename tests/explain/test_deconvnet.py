"""explain.deconvnet: the paper's steps, held against Captum, plain loops and what a unit sees."""

import pytest
import torch
from captum_oracle import attr
from explain.networks import STRANGERS, image_for, network_of
from torch import nn
from torch.nn import functional as F

from striate.errors import OptionError
from striate.explain.deconvnet import deconvnet, strongest
from striate.explain.layers import capture
from striate.models import MODELS, create


@pytest.mark.filterwarnings("ignore:Setting backward hooks")
@pytest.mark.parametrize("unit", range(5))
def test_it_is_captums_where_both_are_defined(small, unit):
    """Module rectifiers, pools side by side, a unit of the last layer: Captum's signal times the activation."""
    found = deconvnet(small.network, small.images, None, unit)
    want = attr.Deconvolution(small.model).attribute(small.images.clone().requires_grad_(), target=unit)
    positive = found.score > 0  # of a negative activation the paper says nothing: maps are rectified
    scaled = (want * found.score.view(-1, 1, 1, 1))[positive]
    torch.testing.assert_close(found.values[positive], scaled, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(found.score, small.model(small.images)[:, unit])


@pytest.mark.filterwarnings("ignore:Setting backward hooks")
@pytest.mark.parametrize("axes", [1, 3])
def test_sequences_and_volumes_are_projected_too(axes):
    """As Captum does, where the activation is positive; and of an inner unit, zero outside of what it sees."""
    model, images = network_of(axes)
    network = capture(model, images)
    for unit in range(4):
        found = deconvnet(network, images, None, unit)
        want = attr.Deconvolution(model).attribute(images.clone().requires_grad_(), target=unit)
        positive = found.score > 0
        scaled = (want * found.score.view(-1, *[1] * (axes + 1)))[positive]
        torch.testing.assert_close(found.values[positive], scaled, rtol=1e-6, atol=1e-9)
    inner = deconvnet(network, images, "0", 1, (2,) * axes).values
    assert inner[:, :, *[slice(2, 5)] * axes].ne(0).any()
    inner[:, :, *[slice(2, 5)] * axes] = 0
    assert not inner.any()


def test_of_one_convolution_it_is_the_kernel(small):
    """Where the unit is, times its activation; nothing elsewhere."""
    conv, image = nn.Conv2d(3, 4, 3, stride=2, padding=1), torch.randn(1, 3, 9, 9)
    found = deconvnet(conv, image, "conv2d", 2, (1, 3))
    want = torch.zeros(1, 3, 9, 9)
    want[0, :, 1:4, 5:8] = conv.weight[2].detach() * found.score
    torch.testing.assert_close(found.values, want)
    torch.testing.assert_close(found.score, conv(image)[:, 2, 1, 3])
    assert found.target == "conv2d, map 2 at (1, 3)"


def test_overlapping_pools_are_as_defined():
    """Up and down by plain loops: rectify, pool by 3 in steps of 2, and back."""

    class Pooled(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)

        def forward(self, x):
            return self.conv2(F.max_pool2d(self.conv1(x).relu(), 3, 2)).relu()

    model, image = Pooled().eval().requires_grad_(False), torch.randn(1, 2, 11, 11)
    network, pictures = capture(model, image), []
    model.conv2.bias.fill_(1.0)  # every unit responds
    for overlap, meet in {"max": max, "sum": sum, "last": lambda values: values[-1]}.items():
        found = deconvnet(network, image, "relu:2", unit=(2, 2), overlap=overlap)
        up = model.conv1(image).relu()[0]
        pooled = torch.zeros(3, 5, 5)
        switches = {}
        for c, p, q in torch.cartesian_prod(*map(torch.arange, pooled.shape)).tolist():
            window = [(h, w) for h in range(2 * p, 2 * p + 3) for w in range(2 * q, 2 * q + 3)]
            best = max(window, key=lambda at, c=c: float(up[c, at[0], at[1]]))
            pooled[c, p, q] = up[c, best[0], best[1]]
            switches[c, p, q] = (c, *best)
        seed = torch.zeros(1, 4, 5, 5)
        top = model.conv2(pooled[None]).relu()[0, :, 2, 2]
        seed[0, top.argmax(), 2, 2] = top.amax()
        down = F.conv_transpose2d(seed.clamp(min=0), model.conv2.weight, padding=1)[0]
        brought = {}
        for at, place in switches.items():
            brought.setdefault(place, []).append(float(down[at]))
        plane = torch.zeros_like(up)
        for place, values in brought.items():
            plane[place] = meet(values)
        want = F.conv_transpose2d(plane.clamp(min=0)[None], model.conv1.weight, padding=1)
        torch.testing.assert_close(found.values, want)
        pictures.append(found.values)
    assert not torch.allclose(pictures[0], pictures[1])


def by_name(name):
    """A stranger or one of the package's networks, and images for it."""
    if name in STRANGERS:
        return STRANGERS[name]().eval(), image_for(name)
    entry = MODELS[name]
    return create(name, classes=10).eval(), torch.randn(2, entry.channels, *entry.image_size)


@pytest.mark.parametrize("name", [*STRANGERS, "lenet5", "lenet5-1998", "resnet20"])
def test_it_is_zero_outside_of_what_the_unit_sees(name):
    """Exactly, at the border and within, in every layer that has positions."""
    model, images = by_name(name)
    network = capture(model, images)
    layers = [layer for layer in network.layers.values() if layer.has_maps]
    for layer in layers[:: max(1, len(layers) // 6)]:
        for unit in [(0, 0), tuple(n // 2 for n in layer.shape[1:])]:
            values = deconvnet(network, images, layer.name, unit=unit).values.clone()
            values[:, :, *network.sees(layer.name, unit)] = 0
            assert not values.any(), (layer.name, unit)


def test_a_shortcut_carries_the_signal_down_whole():
    """What comes down is the sum of both ways, each by itself."""

    class Around(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(2, 2, 3, padding=1)

        def forward(self, x):
            return self.conv(x) + x

    model, image = Around(), torch.randn(1, 2, 6, 6)
    found = deconvnet(model, image, "add", 0, (3, 3))
    seed = torch.zeros(1, 2, 6, 6)
    seed[0, 0, 3, 3] = found.score
    torch.testing.assert_close(found.values, seed + F.conv_transpose2d(seed, model.conv.weight.detach(), padding=1))


def test_a_response_normalisation_divides_as_it_did():
    """Its divisor is held like a switch."""
    norm, image = nn.LocalResponseNorm(3), torch.rand(1, 4, 2, 2) + 1
    network = capture(norm, image)
    layer = list(network.layers)[-1]
    found = deconvnet(network, image, layer, 1, (0, 1))
    want = torch.zeros_like(image)
    want[0, 1, 0, 1] = found.score * norm(image)[0, 1, 0, 1] / image[0, 1, 0, 1]
    torch.testing.assert_close(found.values, want)


def test_the_unit_is_the_strongest_unless_told(small):
    """In each image: of the layer, of a map, or at a position."""
    maps = small.network.values(small.images, ["4"])["4"]
    found = deconvnet(small.network, small.images, "4")
    torch.testing.assert_close(found.score, maps.flatten(1).amax(1))
    of_map = deconvnet(small.network, small.images, "4", 3)
    torch.testing.assert_close(of_map.score, maps[:, 3].flatten(1).amax(1))
    at = deconvnet(small.network, small.images, "4", unit=(2, 1))
    torch.testing.assert_close(at.score, maps[:, :, 2, 1].amax(1))
    assert at.target.startswith("4, map ")
    assert strongest(torch.zeros(1, 2, 3))[0].tolist() == [0]


def test_a_whole_map_is_its_rectified_part(small):
    """Named before or behind its rectification, it is the same; one image is as among many."""
    before, behind = (deconvnet(small.network, small.images, layer, 3, "all").values for layer in ("3", "4"))
    torch.testing.assert_close(before, behind)
    alone = deconvnet(small.network, small.images[:1], "4", 3, "all")
    torch.testing.assert_close(alone.values, behind[:1])
    assert alone.target == "4, map 3"


@pytest.mark.refusal
def test_units_that_are_not_there_are_refused(small):
    """The message lists those that are."""
    with pytest.raises(OptionError) as error:
        deconvnet(small.network, small.images, "4", 8)
    assert str(error.value) == (
        "deconvnet: 4 has no such unit.\n  feature  8\n  unit     None\n"
        "Features: 0 to 7; units: 6 x 6 positions, counted from 0, or 'all'."
    )
    with pytest.raises(OptionError, match="Features: 0 to 4; no unit"):
        deconvnet(small.network, small.images, None, 1, (0, 0))
    with pytest.raises(OptionError, match="no way to treat overlaps is called 'least'"):
        deconvnet(small.network, small.images, "4", overlap="least")


@pytest.mark.refusal
@pytest.mark.traced
def test_a_unit_may_be_a_list_and_is_looked_for_in_the_map():
    """As a tuple is."""
    net, x = nn.Conv2d(1, 2, 3), torch.randn(1, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(deconvnet(net, x, "conv2d", 0, [1, 2]).values, deconvnet(net, x, "conv2d", 0, (1, 2)).values)
    with pytest.raises(OptionError, match="has no such unit"):
        deconvnet(net, x, "conv2d", 0, [99, 99])
