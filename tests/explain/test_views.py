"""explain.views: patch and projection of each strong response."""

import pytest
import torch

from striate.explain.deconvnet import deconvnet
from striate.explain.top_activations import top_activations
from striate.explain.views import views


@pytest.mark.parametrize("layer", ["1", "3", "4", "8"])
def test_a_view_is_the_deconvnets_on_the_patch_that_the_unit_saw(small, layer):
    """Whatever is projected beside it; everything that is left out of the projection is zero."""
    images = torch.randn(6, 3, 16, 16, dtype=torch.float64)
    top = top_activations(small.network, images, [layer], k=2)
    found = list(views(small.network, images, top, layer, batch_size=5))
    assert [(v.feature, v.rank) for v in found] == [
        (f, rank) for f in range(small.network.layer(layer).shape[0]) for rank in (0, 1)
    ]
    for view in found[::3]:
        image, unit = images[view.response.image][None], view.response.unit
        whole = deconvnet(small.network, image, layer, view.feature, unit)
        box = (0, slice(None), *view.box)
        torch.testing.assert_close(view.patch, image[box])
        torch.testing.assert_close(view.projection, whole.values[box])
        torch.testing.assert_close(torch.tensor([view.response.value], dtype=torch.float64), whole.score)
        assert view.box == small.network.sees(layer, unit)


def test_only_what_is_asked_for_is_projected(small):
    """Features in the order in which they are named; one view at a time."""
    images = torch.randn(3, 3, 16, 16, dtype=torch.float64)
    top = top_activations(small.network, images, ["4"], k=1)
    assert [v.feature for v in views(small.network, images, top, "4", [5, 2])] == [5, 2]
    assert next(views(small.network, images, top, "4")).feature == 0
