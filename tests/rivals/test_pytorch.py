"""rivals.pytorch: its own ways to run a network."""

import numpy as np
import pytest
import torch
from torch import nn

from striate.rivals.pytorch import PYTORCH


@pytest.mark.parametrize("name", list(PYTORCH)[:2])
def test_the_answer_is_the_models(name):
    """In both layouts; the model stays in its own."""
    torch.manual_seed(0)
    model, x = nn.Conv2d(3, 4, 3).eval(), torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        found = PYTORCH[name](model, x)()
        np.testing.assert_allclose(found, model(x).numpy(), rtol=1e-5, atol=1e-6)
    assert model.weight.is_contiguous()


def test_the_compiled_one_is_among_them():
    """It is not run here: it would take a compiler, and long."""
    assert list(PYTORCH) == ["PyTorch", "PyTorch, channels_last", "torch.compile"]
