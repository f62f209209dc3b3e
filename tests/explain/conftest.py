"""What the tests of methods share: a small network that Captum can explain too, captured once."""

from typing import NamedTuple

import pytest
import torch
from explain.networks import Small
from torch import Tensor, nn

from striate.explain.layers import Network, capture


class Case(NamedTuple):
    """A model, the same captured, and images for both, in 64-bit floats."""

    model: nn.Module
    network: Network
    images: Tensor


@pytest.fixture(scope="session")
def small() -> Case:
    """Module rectifiers, and pools side by side."""
    torch.manual_seed(3)
    model, images = Small().double().eval().requires_grad_(False), torch.randn(4, 3, 16, 16, dtype=torch.float64)
    return Case(model, capture(model, images), images)
