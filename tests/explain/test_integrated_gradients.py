"""explain.integrated_gradients: what the pixels add up to."""

import pytest
import torch
from captum_oracle import attr
from explain.networks import network_of

from striate.errors import OptionError
from striate.explain.integrated_gradients import integrated_gradients


@pytest.mark.parametrize("baseline", [0.0, 0.3])
def test_it_is_captums(small, baseline):
    """The same rule of integration, whatever the baseline."""
    want = attr.IntegratedGradients(small.model).attribute(small.images, baseline, target=2, n_steps=20)
    found = integrated_gradients(small.network, small.images, 2, baseline=baseline, steps=20)
    torch.testing.assert_close(found.values, want, rtol=1e-6, atol=1e-9)


def test_the_values_add_up(small):
    """To the score minus the baseline's: with more steps the better."""
    difference = small.model(small.images)[:, 1] - small.model(0 * small.images)[:, 1]
    found = [integrated_gradients(small.network, small.images, 1, steps=n).values.sum((1, 2, 3)) for n in (2, 200)]
    errors = [float((values - difference).abs().max()) for values in found]
    assert errors[1] < 1e-3 < errors[0]


def test_each_image_may_have_its_own_class_and_baseline(small):
    """As if it were explained alone."""
    baseline = small.images.flip(0)
    found = integrated_gradients(small.network, small.images, [0, 1, 2, 3], baseline=baseline, steps=40).values
    alone = integrated_gradients(small.network, small.images[2:3], 2, baseline=baseline[2:3], steps=40).values
    torch.testing.assert_close(found[2:3], alone)


@pytest.mark.parametrize("axes", [1, 3])
def test_sequences_and_volumes_add_up_too(axes):
    """To the score minus the baseline's; and nothing of the caller's graph is kept."""
    model, images = network_of(axes)
    found = integrated_gradients(model, images.requires_grad_(), 1, steps=200).values
    difference = (model(images) - model(0 * images))[:, 1].detach()
    torch.testing.assert_close(found.flatten(1).sum(1), difference, atol=1e-2, rtol=0)
    assert not found.requires_grad


@pytest.mark.refusal
def test_no_step_is_refused(small):
    """There would be nothing to add up."""
    with pytest.raises(OptionError) as error:
        integrated_gradients(small.network, small.images, steps=0)
    assert str(error.value) == "integrated_gradients: there is no step.\n  steps  0\nPass 1 or more."
