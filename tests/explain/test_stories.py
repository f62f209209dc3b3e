"""explain.stories: an image's story is the network's own answer, and every method's map."""

import numpy as np
import pytest
import torch

from striate.errors import OptionError
from striate.explain.feature_maps import feature_maps, picture_of
from striate.explain.layers import capture
from striate.explain.methods import METHODS
from striate.explain.rendering import photograph, way_of
from striate.explain.sanity import rank_correlation
from striate.explain.scene import Scene
from striate.explain.shelf import Shelf
from striate.explain.stories import checked_methods, known_less, tell
from striate.explain.subject import subject


@pytest.fixture(scope="module")
def shown():
    """LeNet-5 that knows the digits, and it captured."""
    found = subject("lenet5", weights="digits")
    return found, capture(found.model, torch.zeros(1, 1, 32, 32))


def test_it_says_what_the_network_says(shown, tmp_path):
    """The likeliest classes; each method's picture of its values; the maps of the layers; all of it on the shelf."""
    found, network = shown
    image = torch.rand(1, 32, 32)
    done: list[int] = []
    scene = Scene(found, network, Shelf(tmp_path), "none")
    told = tell(scene, ("x.png", "7", image), list(METHODS), ["C1", "C3"], on_progress=done.append)
    assert done == list(range(1, len(METHODS) + 1))
    with torch.no_grad():
        p = found.model(found.normalized(image[None])).softmax(1)[0]
    assert told.said[0] == (found.classes[int(p.argmax())], pytest.approx(float(p.max()), rel=1e-4))
    assert all(a[1] >= b[1] for a, b in zip(told.said, told.said[1:], strict=False))
    assert (told.name, told.truth) == ("x.png", "7")
    assert np.array_equal(told.image, photograph(image))
    assert [view.method for view in told.views] == list(METHODS)
    for view in told.views:
        values = torch.from_numpy(np.load(tmp_path / f"{view.method}.npy"))
        way = way_of(view.method, signed=view.reading.signed)
        assert np.array_equal(view.picture, way.draw(values))
        assert (tmp_path / f"{view.method}.png").exists()
    assert told.views[0].target == f"the class {told.said[0][0]}"
    assert told.views[-1].target.startswith("the strongest unit: C3, map ")
    assert not any("strongest unit" in view.target for view in told.views[:-1])
    maps = feature_maps(network, found.normalized(image[None]), ["C1", "C3"])
    for (name, picture), (other, values) in zip(told.maps, maps.items(), strict=True):
        assert name == other
        assert np.array_equal(picture, picture_of(values[0]))


def test_a_method_is_checked_by_networks_that_know_less(shown, tmp_path):
    """The same class is asked of all; what a deconvnet shows does not depend on what lies above its layer."""
    found, network = shown
    scene, image = Scene(found, network, Shelf(tmp_path), "none"), torch.rand(1, 32, 32)
    random = known_less(network)
    assert len(random) == 3
    assert not torch.equal(random[0].tensors["output.weight"], network.tensors["output.weight"])
    assert torch.equal(random[1].tensors["C1.weight"], network.tensors["C1.weight"])
    assert not torch.equal(random[2].tensors["C1.weight"], network.tensors["C1.weight"])
    done: list[int] = []
    told = tell(scene, ("", "", image), ["saliency", "deconvnet"], ["C1"], known_less=random, on_progress=done.append)
    assert done == [4, 8]
    saliency, deconvnet = (view.checked for view in told.views)
    x = found.normalized(image[None])
    predicted = int(network.run(x)[0].argmax())
    way = way_of("saliency", signed=False)
    for (picture, likeness), of in zip(saliency, (network, *random), strict=True):
        values = METHODS["saliency"](of, x, predicted).values
        assert np.array_equal(picture, way.draw(values[0]))
        assert likeness == pytest.approx(rank_correlation(METHODS["saliency"](network, x, predicted).values, values))
    assert [likeness for _, likeness in deconvnet[:3]] == pytest.approx([1.0] * 3)
    assert deconvnet[3][1] < 0.9


def test_what_has_learnt_nothing_is_not_checked():
    """There is nothing to shuffle."""
    mean = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    assert known_less(capture(mean, torch.zeros(1, 2, 4, 4))) == []


def test_what_is_hardly_likely_is_left_out(shown, tmp_path):
    """A digit that it is sure of has one line."""
    found, network = shown
    from striate.data import open_dataset

    part = open_dataset("digits").parts["train"]
    scene = Scene(found, network, Shelf(tmp_path), "none")
    told = tell(scene, ("", "", torch.from_numpy(part.read(0))), [], [])
    assert len(told.said) == 1
    assert told.views == []


@pytest.mark.refusal
def test_methods_are_found_by_name():
    """All if none is named; hyphens will do; unknown ones are refused with a list."""
    assert checked_methods([]) == list(METHODS)
    assert checked_methods(["grad-cam", "saliency"]) == ["grad_cam", "saliency"]
    with pytest.raises(OptionError) as error:
        checked_methods(["lime"])
    assert str(error.value) == f"explain: no method is called 'lime'.\nChoose from: {', '.join(METHODS)}."
