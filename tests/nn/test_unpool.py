"""nn.unpool: the layer is the function."""

import pytest
import torch

from striate import nn, ops
from striate.errors import OptionError

ranks = pytest.mark.parametrize("rank", [1, 2, 3])


@ranks
@pytest.mark.parametrize("overlap", ["sum", "max", "last"])
def test_is_the_function(rank, overlap):
    """Same settings, same numbers, at the size that is asked for."""
    x = torch.randn(2, 3, *[8] * rank)
    pooled, switches = getattr(ops, f"max_pool{rank}d")(x, 3, 2, return_indices=True)
    layer = getattr(nn, f"MaxUnpool{rank}d")(3, 2, overlap=overlap)
    want = getattr(ops, f"max_unpool{rank}d")(pooled, switches, 3, 2, output_size=x.shape, overlap=overlap)
    torch.testing.assert_close(layer(pooled, switches, x.shape), want)


def test_prints_what_it_does():
    """The windows and the rule for overlaps."""
    assert repr(nn.MaxUnpool2d(3, 2)) == "MaxUnpool2d(kernel_size=3, stride=2, padding=0, overlap='sum')"


@pytest.mark.refusal
def test_a_rule_without_a_meaning_is_refused_when_it_is_made():
    """Before any data."""
    with pytest.raises(OptionError, match="MaxUnpool2d: "):
        nn.MaxUnpool2d(3, overlap="mean")
