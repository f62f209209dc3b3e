"""explain.methods: every method of the table keeps to the contract."""

import inspect

import pytest
import torch
from torch import nn

from striate.explain.layers import capture
from striate.explain.methods import METHODS


@pytest.fixture(scope="module")
def network():
    """A small captured network of three classes."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 3))
    return capture(net, torch.zeros(1, 3, 8, 8))


@pytest.mark.parametrize("name", METHODS)
def test_it_explains_any_batch_on_its_grid(name, network):
    """A finite value a sample, one channel or the image's; its own name; words for a person; its module's name."""
    images = torch.randn(2, 3, 8, 8)
    found = METHODS[name](network, images)
    assert found.method == name
    assert found.values.shape in ((2, 1, 8, 8), (2, 3, 8, 8))
    assert found.values.isfinite().all()
    assert found.score.shape == (2,)
    assert found.target
    reading = found.reading
    assert all([reading.normalised, reading.legend, reading.caption, reading.assumption, reading.sanity])
    assert reading.signed or found.values.min() >= 0
    assert inspect.getmodule(METHODS[name]).__name__ == f"striate.explain.{name}"


@pytest.mark.parametrize("name", METHODS)
def test_inference_mode_changes_nothing(name, network):
    """Whoever looks need not know that gradients are used."""
    images = torch.randn(2, 3, 8, 8)
    with torch.inference_mode():
        found = METHODS[name](network, images + 0)
    torch.testing.assert_close(found.values, METHODS[name](network, images).values)
