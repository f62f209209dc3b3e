"""explain.grad_cam_plus_plus: the paper's equations in plain loops."""

import torch
from torch.nn import functional as F

from striate.explain.grad_cam_plus_plus import grad_cam_plus_plus


def by_definition(maps, gradient):
    """Equation 10's weights, summed by equation 5, and the positive part of the maps so weighted."""
    picture = torch.zeros(maps.shape[1:], dtype=maps.dtype)
    for plane, g in zip(maps, gradient, strict=True):
        weight = 0.0
        for row in range(plane.shape[0]):
            for column in range(plane.shape[1]):
                slope = float(g[row, column])
                if slope > 0:  # elsewhere the share is multiplied by nothing
                    alpha = slope**2 / (2 * slope**2 + float(plane.sum()) * slope**3)
                    weight += alpha * slope
        picture += weight * plane
    return picture.clamp(min=0)


def test_it_is_the_papers(small):
    """Of each image, for the class that is predicted."""
    found = grad_cam_plus_plus(small.network, small.images, layer="4")
    x = small.images.clone().requires_grad_()
    output, kept = small.network.run(x, ["4"])
    gradient = torch.autograd.grad(output.amax(1).sum(), kept["4"])[0]
    want = torch.stack([by_definition(a, g) for a, g in zip(kept["4"].detach(), gradient, strict=True)])[:, None]
    want = F.interpolate(want, (16, 16), mode="bilinear", align_corners=False)
    torch.testing.assert_close(found.values, want)
    assert found.method == "grad_cam_plus_plus"


def test_without_gradients_it_is_dark(small):
    """No position speaks for a class whose score is a constant."""
    constant = small.network.with_tensors({"9.weight": torch.zeros(5, 20, dtype=torch.float64)})
    assert not grad_cam_plus_plus(constant, small.images, 1).values.any()
