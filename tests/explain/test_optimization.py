"""explain.optimization: uphill, repeatably, to where algebra says the top is."""

import pytest
import torch
from torch import nn

from striate.errors import OptionError
from striate.explain.layers import capture
from striate.explain.objectives import class_score, feature_map, unit
from striate.explain.optimization import Climb, maximise
from striate.explain.paint import Canvas

CANVAS = Canvas((1, 8, 8), (0.5,), (0.25,))


@pytest.fixture
def net():
    """A network of two classes, in training mode."""
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(108, 2))


@pytest.mark.parametrize("paint", ["fourier", "pixels"])
def test_the_best_image_of_a_linear_unit_is_its_kernel(paint):
    """White where a weight is above zero, black where it is below: no image in [0, 1] excites it more."""
    conv = nn.Sequential(nn.Conv2d(1, 2, 8))
    climb = Climb(paint, perturbations=(), steps=200, rate=0.3)
    found = maximise(conv, [unit("0", 0), unit("0", 1)], CANVAS, climb)
    for image, kernel in zip(found.images, conv[0].weight, strict=True):
        best = (kernel > 0).float()
        large = kernel.abs() > 0.02
        assert (image - best)[large].abs().max() < 0.2
    top = [CANVAS.normalized((k > 0).float()[None]).mul(k).sum() + b for k, b in zip(*conv.parameters(), strict=True)]
    assert (found.scores[-1] > 0.95 * torch.stack(top)).all()


def test_each_objective_climbs_by_itself(net):
    """Side by side or alone, the same image comes out; the model is as it was; the seed decides."""
    before = {name: value.clone() for name, value in net.state_dict().items()}
    climb = Climb(steps=8, perturbations=())
    network = capture(net, torch.zeros(1, 1, 8, 8))
    asked = [feature_map("1", 2), class_score(1), unit("0", 0)]
    found = maximise(network, asked, CANVAS, climb)
    assert (found.scores[-1] > found.scores[0]).all()
    assert found.scores.shape == (9, 3)
    assert found.names == tuple(o.name for o in asked)
    alone = maximise(network, asked[:1], CANVAS, climb)
    torch.testing.assert_close(alone.images, found.images[:1])
    assert net.training
    assert all(value.equal(before[name]) for name, value in net.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in net.parameters())
    other = maximise(network, asked[:1], CANVAS, Climb(steps=8, perturbations=(), seed=1))
    assert not other.images.equal(alone.images)


def test_perturbed_climbs_are_repeatable_and_told(net):
    """The same seed shakes alike, and progress ends at the end."""
    told = []
    network = capture(net, torch.zeros(1, 1, 8, 8))
    runs = [
        maximise(network, [class_score(0)], CANVAS, Climb(steps=5), on_progress=lambda *at: told.append(at))
        for _ in range(2)
    ]
    assert runs[0].images.equal(runs[1].images)
    assert told == [(i, 5) for i in range(1, 6)] * 2


def test_gradients_may_be_switched_off(net):
    """By the caller, who need not know that they are used."""
    want, asked = maximise(net, [feature_map("0", 1)], CANVAS, Climb(steps=3)).images, []
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            asked.append(maximise(net, [feature_map("0", 1)], CANVAS, Climb(steps=3)).images)
    assert all(torch.equal(images, want) for images in asked)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_networks_of_other_numbers_are_pleased_too(net, dtype):
    """The image is painted in 32-bit floats, and shown in the network's own."""
    found = maximise(net.to(dtype), [class_score(1)], CANVAS, Climb(steps=4))
    assert found.images.dtype == torch.float32
    assert found.scores.dtype == dtype
    assert found.scores[-1] > found.scores[0]


@pytest.mark.refusal
def test_settings_out_of_range_are_refused():
    """The way of holding the image, the number of steps, the rate."""
    with pytest.raises(OptionError) as error:
        Climb("oil")
    assert str(error.value) == "maximise: no paint is called 'oil'.\nChoose one of: fourier, pixels."
    with pytest.raises(OptionError) as error:
        Climb(steps=0)
    assert str(error.value) == "maximise: steps and rate are above 0.\n  steps  0\n  rate   0.05\nPass larger numbers."
