"""explain.invariance: distances are those of the features, and what is invariant is found to be."""

import sys

import pytest
import torch
from torch import nn

from striate.errors import OptionError
from striate.explain.invariance import CHANGES, invariance
from striate.explain.moves import moved


@pytest.fixture
def net():
    """A network that sums over all positions at its end."""
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))


def test_distances_are_those_of_the_features(net):
    """Layer by layer, by the definition; the probability is the true class's."""
    images, labels = torch.rand(3, 1, 9, 9), torch.tensor([0, 1, 1])
    found = invariance(net, images, "rotation", labels=labels, amounts=(0, 40, 200), layers=["1", "4"])
    for i, degrees in enumerate(found.amounts):
        turned = moved(images, degrees=degrees)
        for name, part in (("1", net[:2]), ("4", net)):
            before, after = part(images).flatten(1), part(turned).flatten(1)
            expected = (after - before).norm(dim=1) / before.norm(dim=1)
            torch.testing.assert_close(found.distances[name][i], expected)
        expected = net(turned).softmax(1)[torch.arange(3), labels]
        torch.testing.assert_close(found.probability[i], expected)


def test_a_few_images_at_a_time_are_as_good_as_all(net, monkeypatch):
    """Memory holds a few; the bar counts all."""
    images, told = torch.rand(5, 1, 9, 9), []
    asked = {"amounts": (0, 1, 2), "layers": ["1"]}
    want = invariance(net, images, "translation", **asked)
    monkeypatch.setattr(sys.modules["striate.explain.invariance"], "affordable", lambda network: 2)
    found = invariance(net, images, "translation", **asked, on_progress=lambda done, total: told.append((done, total)))
    torch.testing.assert_close(found.distances["1"], want.distances["1"])
    torch.testing.assert_close(found.probability, want.probability)
    assert told == [(n, 15) for n in (2, 4, 6, 8, 10, 12, 13, 14, 15)]


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_changes_where_nothing_is_done(net, change):
    """Each kind of change starts at, or passes through, the image as it is; distances there are zero, exactly."""
    found = invariance(net, torch.rand(2, 1, 16, 16), change)
    still = found.amounts.index(1 if change == "scaling" else 0)
    assert list(found.distances) == ["0", "4"]
    assert all(values[still].eq(0).all() for values in found.distances.values())
    assert all(values.shape == (len(found.amounts), 2) for values in found.distances.values())


def test_what_sums_over_positions_does_not_feel_a_shift(net):
    """The first layer moves, the last one does not: the picture's middle stays inside."""
    image = torch.zeros(1, 1, 13, 13)
    image[:, :, 5:8, 5:8] = torch.rand(3, 3)
    found = invariance(net, image, "translation", amounts=(2,), layers=["0", "4"])
    assert found.distances["0"].item() > 0.05
    assert found.distances["4"].item() == pytest.approx(0, abs=1e-6)


@pytest.mark.refusal
def test_an_unknown_change_is_refused(net):
    """The message lists those that there are."""
    with pytest.raises(OptionError) as error:
        invariance(net, torch.rand(1, 1, 9, 9), "mirror")
    assert str(error.value) == (
        "invariance: no change is called 'mirror'.\nChoose one of: translation, scaling, rotation."
    )


@pytest.mark.refusal
@pytest.mark.traced
def test_images_are_not_scaled_to_nothing():
    """Which would divide by it."""
    with pytest.raises(OptionError) as error:
        invariance(nn.Sequential(nn.Flatten(), nn.Linear(16, 2)), torch.zeros(1, 1, 4, 4), "scaling", amounts=(0.5, 0))
    assert str(error.value) == (
        "invariance: an image cannot be scaled to nothing.\n  amounts  (0.5, 0)\n"
        "Give factors above 0; 1 changes nothing."
    )
