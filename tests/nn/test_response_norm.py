"""nn.response_norm: the layer is the function, and PyTorch's layer renamed."""

import pytest
import torch
from torch import nn as torch_nn

from striate.errors import OptionError
from striate.nn.response_norm import LocalResponseNorm
from striate.ops.response_norm import local_response_norm


def test_is_the_function_and_pytorchs_layer():
    """Same arguments, same numbers; it prints what it is."""
    x = torch.randn(2, 7, 4, 4)
    layer = LocalResponseNorm(5, 0.1, 0.6, 2.0)
    torch.testing.assert_close(layer(x), torch_nn.LocalResponseNorm(5, 0.1, 0.6, 2.0)(x))
    paper = LocalResponseNorm(5, k=2.0, scale="sum")
    torch.testing.assert_close(paper(x), local_response_norm(x, 5, k=2.0, scale="sum"))
    assert repr(paper) == "LocalResponseNorm(5, alpha=0.0001, beta=0.75, k=2.0, scale='sum')"


@pytest.mark.refusal
def test_a_scale_without_a_meaning_is_refused_when_it_is_made():
    """Before any data."""
    with pytest.raises(OptionError) as error:
        LocalResponseNorm(5, scale="max")
    assert str(error.value) == "LocalResponseNorm: no scale is called 'max'.\nChoose one of 'mean', 'sum'."
