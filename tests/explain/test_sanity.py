"""explain.sanity: what is left of a picture when nothing is known any more."""

import copy

import pytest
import torch
from scipy import stats

from striate import DataOptions, open_dataset
from striate.explain import METHODS, Explanation, capture, deconvnet, saliency
from striate.explain.pictures import Pictures
from striate.explain.saliency import READING
from striate.explain.sanity import rank_correlation, sanity
from striate.models import create


@pytest.mark.parametrize("levels", [3, 1000])
def test_ranks_are_correlated_as_by_scipy(levels):
    """With and without many equal numbers."""
    a, b = torch.randint(levels, (2, 50)).double()
    assert rank_correlation(a, b + a) == pytest.approx(stats.spearmanr(a, b + a).statistic)


def test_a_picture_without_contrast_is_like_none():
    """There are no ranks to compare."""
    assert rank_correlation(torch.zeros(5), torch.arange(5.0)) == 0.0


def test_modules_are_randomised_from_the_output_down(small):
    """One after the other; the network itself is left as it is."""
    before = copy.deepcopy(dict(small.network.tensors))
    found = sanity(small.network, small.images, lambda network, x: saliency(network, x, 1))
    assert found.layers == ("9", "7", "3", "0")
    assert found.method == "saliency"
    assert found.left == found.similarity[-1]
    assert all(torch.equal(before[name], tensor) for name, tensor in small.network.tensors.items())


def test_what_does_not_look_at_the_network_does_not_change(small):
    """An edge detector fails the check: its picture stays the same."""

    def edges(network, x):
        return Explanation("edges", x.diff(dim=3, append=x[..., -1:]), "edges", x[:, 0, 0, 0], READING)

    assert sanity(small.network, small.images, edges).similarity == pytest.approx([1.0] * 4)


def test_what_is_only_the_weights_loses_all(small):
    """A picture of the first kernel keeps nothing when that is shuffled, and all until then."""

    def kernel(network, x):
        shown = network.tensors["0.weight"].reshape(1, 1, 6, 27).expand(len(x), -1, -1, -1)
        return Explanation("kernel", shown, "kernel", x[:, 0, 0, 0], READING)

    found = sanity(small.network, small.images, kernel)
    assert found.similarity[:3] == pytest.approx([1.0] * 3)
    assert abs(found.left) < 0.3


@pytest.fixture(scope="module")
def digits():
    """Our LeNet-5, trained on the digits, some of them, and what it says of them."""
    data = open_dataset("digits", DataOptions(image_size=(32, 32)))
    images = Pictures([data.parts["test"]])[list(range(0, 359, 40))]
    network = capture(create("lenet5", weights="digits"), images)
    return network, images, network.run(images)[0].argmax(1)


@pytest.mark.traced
def test_the_readings_say_what_is_measured(digits):
    """What each method's reading says of its sanity check holds on a network that has learnt something."""
    network, images, classes = digits
    found = {
        name: sanity(network, images, lambda n, x, name=name: METHODS[name](n, x, classes)).similarity
        for name in METHODS
        if name not in ("deconvnet", "smooth_grad")
    }
    assert found["saliency"][0] < 0.7
    assert found["guided_backpropagation"][1] > 0.7
    assert found["grad_cam"][0] < 0.4
    assert found["grad_cam_plus_plus"][0] > 0.7
    assert found["integrated_gradients"][-1] > found["saliency"][-1]
    view = sanity(network, images, lambda n, x: deconvnet(n, x, "relu:2", 3))
    assert view.layers == ("output", "F6", "C5", "C3", "C1")
    assert min(view.similarity[:3]) == pytest.approx(1.0)  # what is above the unit has no part in it
    assert view.similarity[3] < 0.5
