"""nn.contrast_norm: the layer is the function."""

import pytest
import torch

from striate.errors import ShapeError
from striate.nn.contrast_norm import LocalContrastNorm
from striate.ops.contrast_norm import local_contrast_norm


@pytest.mark.parametrize("settings", [{}, {"across": False, "threshold": 0.5}, {"sigma": 1.0, "divisive": False}])
def test_is_the_function(settings):
    """Same settings, same numbers."""
    x = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(LocalContrastNorm(5, **settings)(x), local_contrast_norm(x, 5, **settings))


def test_prints_what_differs():
    """The window, and what is not the default."""
    assert repr(LocalContrastNorm(5, across=False)) == "LocalContrastNorm(5, across=False)"


@pytest.mark.refusal
def test_a_window_without_a_middle_is_refused_when_it_is_made():
    """Before any data."""
    with pytest.raises(ShapeError) as error:
        LocalContrastNorm(4)
    assert str(error.value) == (
        "LocalContrastNorm: kernel_size is even.\n  kernel_size  (4,)\nGive an odd one, which has a middle."
    )
