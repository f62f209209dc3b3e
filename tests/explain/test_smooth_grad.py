"""explain.smooth_grad: the mean of gradients around an image."""

import pytest
import torch
from explain.networks import network_of

from striate.errors import OptionError
from striate.explain.saliency import saliency
from striate.explain.smooth_grad import smooth_grad


def test_it_is_the_mean_over_noisy_copies(small):
    """By plain loops: each copy's gradient of the class that was predicted without noise."""
    found = smooth_grad(small.network, small.images, samples=7, noise=0.2, seed=5)
    classes = small.model(small.images).argmax(1)
    random = torch.Generator().manual_seed(5)
    drawn = [torch.randn(3, 16, 16, generator=random, dtype=torch.float64) for _ in range(7)]
    for i, image in enumerate(small.images):
        total = torch.zeros_like(image)
        for noise in drawn:
            x = (image + 0.2 * (image.max() - image.min()) * noise).requires_grad_()
            total += torch.autograd.grad(small.model(x[None])[0, classes[i]], x)[0]
        torch.testing.assert_close(found.values[i, 0], (total / 7).abs().amax(0))


def test_without_noise_it_is_saliency(small):
    """All copies are the image."""
    found = smooth_grad(small.network, small.images, 1, samples=2, noise=0.0)
    torch.testing.assert_close(found.values, saliency(small.network, small.images, 1).values)


def test_the_seed_decides(small):
    """The same seed gives the same picture, another one another."""
    first, again, other = (smooth_grad(small.network, small.images, samples=2, seed=s).values for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("axes", [1, 3])
def test_sequences_and_volumes_have_their_own_contrast(axes):
    """Each image of a batch gets the values that it has alone."""
    model, images = network_of(axes)
    found = smooth_grad(model, images, 1, samples=3)
    assert found.values.shape == (2, 1, *[8] * axes)
    for i in range(2):
        alone = smooth_grad(model, images[i : i + 1], 1, samples=3)
        torch.testing.assert_close(found.values[i : i + 1], alone.values)
    assert " x ".join(["8"] * axes) in repr(found)


@pytest.mark.refusal
def test_nothing_to_average_is_refused(small):
    """No sample, or noise that cannot be."""
    with pytest.raises(OptionError) as error:
        smooth_grad(small.network, small.images, samples=0)
    assert str(error.value) == (
        "smooth_grad: there is nothing to average.\n  samples  0\n  noise    0.15\n"
        "Pass 1 sample or more, and noise of 0 or more."
    )
