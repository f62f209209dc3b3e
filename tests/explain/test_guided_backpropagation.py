"""explain.guided_backpropagation: the gradient with every rectification rectified."""

import pytest
import torch
from captum_oracle import attr
from explain.networks import STRANGERS, image_for, network_of

from striate.explain.guided_backpropagation import guided_backpropagation
from striate.explain.layers import capture


@pytest.mark.filterwarnings("ignore:Setting backward hooks")
def test_it_is_captums(small):
    """Where rectifiers are modules."""
    want = attr.GuidedBackprop(small.model).attribute(small.images.clone().requires_grad_(), target=2)
    found = guided_backpropagation(small.network, small.images, 2)
    torch.testing.assert_close(found.values, want, rtol=1e-6, atol=1e-9)


@pytest.mark.filterwarnings("ignore:Setting backward hooks")
@pytest.mark.parametrize("axes", [1, 3])
def test_it_is_captums_of_sequences_and_volumes_too(axes):
    """Whatever the axes."""
    model, images = network_of(axes)
    want = attr.GuidedBackprop(model).attribute(images.clone().requires_grad_(), target=1)
    torch.testing.assert_close(guided_backpropagation(model, images, 1).values, want, rtol=1e-6, atol=1e-9)


def test_functions_count_as_modules_do():
    """Captum sees modules only; here functions, written in place, and clamping rectify as well."""
    model, images = STRANGERS["functional"]().eval(), image_for("functional")
    found = guided_backpropagation(capture(model, images), images, 1).values

    def by_hand():
        x = images.clone().requires_grad_()
        c1 = model.conv1(x)
        pooled = torch.nn.functional.max_pool2d(c1.relu(), 3, 2, ceil_mode=True)
        c2 = model.conv2(pooled)
        signal = torch.autograd.grad(model.fc((c2.relu() + 1).mean((2, 3)))[:, 1].sum(), c2)[0]
        # the gradient of c2.relu() has its own zeros already; three rectifications there let only positive ones through
        signal = torch.autograd.grad(pooled, c1, torch.autograd.grad(c2, pooled, signal.clamp(min=0))[0])
        return torch.autograd.grad(model.conv1(x), x, signal[0].clamp(min=0))[0]

    torch.testing.assert_close(found, by_hand(), rtol=1e-4, atol=1e-6)
