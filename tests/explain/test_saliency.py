"""explain.saliency: the size of the gradient."""

import torch
from captum_oracle import attr

from striate.explain.saliency import saliency


def test_it_is_captums(small):
    """The greatest over the channels of what Captum gives for each."""
    want = attr.Saliency(small.model).attribute(small.images.clone().requires_grad_(), target=2)
    found = saliency(small.network, small.images, 2)
    torch.testing.assert_close(found.values, want.amax(1, keepdim=True), rtol=1e-6, atol=1e-9)
    assert found.target == "class 2"
    torch.testing.assert_close(found.score, small.model(small.images)[:, 2])


def test_no_image_depends_on_the_others(small):
    """Alone it is explained as among many."""
    among, alone = saliency(small.network, small.images).values[1:2], saliency(small.network, small.images[1:2]).values
    torch.testing.assert_close(among, alone)
