"""explain.occlusion: the mean fall over all places of the square, as a plain loop finds it."""

import numpy as np
import pytest
import torch
from captum_oracle import attr
from torch import nn

from striate.errors import OptionError
from striate.explain.layers import capture
from striate.explain.occlusion import Cover, occlusion


@pytest.fixture
def net():
    """A network of three classes, in training mode."""
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(4 * 5 * 6, 3))


def by_loops(measure, image, size, stride, fill):
    """The definition: for every sample the mean fall over the squares that lie on it."""
    height, width = image.shape[1:]
    total, times = np.zeros((height, width)), np.zeros((height, width))
    whole = measure(image[None]).item()
    rows, columns = (range(0, max(0, -(-(side - size) // stride)) * stride + 1, stride) for side in (height, width))
    for top in rows:
        for left in columns:
            covered = image.clone()
            covered[:, top : top + size, left : left + size] = fill
            total[top : top + size, left : left + size] += whole - measure(covered[None]).item()
            times[top : top + size, left : left + size] += 1
    return total / np.maximum(times, 1)


@pytest.mark.parametrize(("size", "stride", "fill"), [(1, 1, 0.0), (3, 2, 0.5), (2, 3, -1.0), (9, 4, 0.0)])
def test_equals_the_definition(net, size, stride, fill):
    """For a class; overlapping squares, squares with gaps between them, and one larger than the image."""
    images = torch.randn(3, 2, 7, 8)
    found = occlusion(net, images, 1, cover=Cover(size, stride, fill))
    assert net.training
    net.eval()
    for image, values in zip(images, found.values, strict=True):
        expected = by_loops(lambda x: net(x).softmax(1)[:, 1], image, size, stride, fill)
        np.testing.assert_allclose(values[0].numpy(), expected, atol=1e-6)
    torch.testing.assert_close(found.score, net(images).softmax(1)[:, 1])


@pytest.mark.parametrize(("size", "stride"), [(1, 1), (3, 2), (3, 3), (5, 4)])
def test_equals_captums(net, size, stride):
    """Where both are defined: squares over all channels, no further apart than they are wide."""
    images = torch.randn(3, 2, 7, 8)
    found = occlusion(net, images, 2, cover=Cover(size, stride, 0.3))
    oracle = attr.Occlusion(nn.Sequential(net.eval(), nn.Softmax(1)))
    with torch.no_grad():
        expected = oracle.attribute(
            images, sliding_window_shapes=(2, size, size), strides=(2, stride, stride), baselines=0.3, target=2
        )
    assert expected.std(1).max() < 1e-6
    torch.testing.assert_close(found.values, expected.mean(1, keepdim=True), atol=1e-6, rtol=0)


def test_each_image_is_explained_for_its_own_class(net):
    """Without a target, the class that it is taken for."""
    images = 5 * torch.randn(5, 2, 7, 8)
    found = occlusion(net, images, cover=Cover(3, 2))
    classes = net.eval()(images).argmax(1)
    assert len(classes.unique()) > 1
    for i, target in enumerate(classes.tolist()):
        one = occlusion(net, images[i : i + 1], target, cover=Cover(3, 2))
        torch.testing.assert_close(found.values[i : i + 1], one.values)


def test_a_maps_activity_falls_where_it_looked(net):
    """The sum of its units, as figure 7b; the strongest map of each image if none is named."""
    images = torch.randn(2, 2, 7, 8)
    found = occlusion(net, images, layer="1", feature=2, cover=Cover(3, 2))
    net.eval()
    expected = by_loops(lambda x: net[:2](x)[:, 2].sum((1, 2)), images[0], 3, 2, 0.0)
    np.testing.assert_allclose(found.values[0, 0].numpy(), expected, atol=1e-5)
    strongest = net[:2](images).flatten(2).amax(2).argmax(1)
    own = occlusion(net, images, layer="1", cover=Cover(3, 2))
    for i, feature in enumerate(strongest.tolist()):
        named = occlusion(net, images[i : i + 1], layer="1", feature=feature, cover=Cover(3, 2))
        torch.testing.assert_close(own.values[i : i + 1], named.values)


def test_a_named_map_is_asked_for_on_the_images_device(net):
    """PyTorch's device without numbers refuses indices of another one, as accelerators do."""
    found = occlusion(net.to("meta"), torch.randn(2, 2, 7, 8, device="meta"), layer="1", feature=2)
    assert found.values.shape == (2, 1, 7, 8)


def test_progress_is_told_to_the_end(net):
    """How many places are done, of how many."""
    told = []
    images = torch.randn(40, 2, 7, 8)
    occlusion(net, images, 0, cover=Cover(2, 1), on_progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (42, 42)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.refusal
@pytest.mark.traced
def test_what_does_not_exist_is_refused(net):
    """Class, map, a map without a layer, two questions at once, a square of no size."""
    images = torch.randn(1, 2, 7, 8)
    network = capture(net, images)
    for settings, message in (
        (
            {"target": 3},
            "explain: this is no class of these images.\n  target  3\n"
            "Pass a whole number from 0 to 2, or one for each of the 1 images.",
        ),
        ({"layer": "1", "feature": 4}, "occlusion: there is no map 4.\nChoose from 0 to 3."),
        (
            {"feature": 1},
            "occlusion: a map needs its layer.\n  feature  1\nName the layer, or leave feature out.",
        ),
        (
            {"target": 1, "layer": "1"},
            "occlusion: a class and a layer's map are two questions.\nAsk one: leave out target, or layer.",
        ),
    ):
        with pytest.raises(OptionError) as error:
            occlusion(network, images, **settings)
        assert str(error.value) == message
    with pytest.raises(OptionError) as error:
        Cover(-1)
    assert str(error.value) == (
        "occlusion: a square's size and stride are not below 0.\n  size    -1\n  stride  0\n"
        "Pass input samples, or 0 for the usual ones."
    )
