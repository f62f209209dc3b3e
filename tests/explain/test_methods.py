"""explain: every method of the table, on every stranger."""

import pytest
import torch
from explain.networks import STRANGERS, image_for

from striate.explain import METHODS, Explanation, capture


@pytest.mark.traced
@pytest.mark.parametrize("name", STRANGERS)
def test_every_method_explains_every_stranger(name):
    """Finite pictures on the images' grid, with the reading's signs, each said in words."""
    images = image_for(name)
    network = capture(STRANGERS[name](), images)
    for method, explain in METHODS.items():
        if name == "branches" and method.startswith("grad_cam"):
            continue  # its convolutions meet in none of the maps that are as large
        found = explain(network, images)
        assert isinstance(found, Explanation)
        assert found.method == method
        assert found.values.shape[0] == 2
        assert found.values.shape[1] in (1, 3)
        assert found.values.shape[2:] == images.shape[2:]
        assert found.values.isfinite().all()
        assert found.reading.signed or not (found.values < 0).any()
        assert found.score.shape == (2,)
        assert not found.values.requires_grad
        assert all(vars(found.reading)[word] for word in ("legend", "caption", "assumption", "sanity", "normalised"))


def test_a_model_is_captured_on_the_way():
    """Whoever looks once need not capture."""
    images = image_for("small")
    model = STRANGERS["small"]()
    torch.testing.assert_close(
        METHODS["saliency"](model, images).values, METHODS["saliency"](capture(model, images), images).values
    )
