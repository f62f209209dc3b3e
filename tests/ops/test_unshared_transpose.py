"""ops.unshared_transpose: the way back through kernels of their own; the laws are in `test_positions.py`."""

import torch
from torch.nn import functional as F

from striate.ops.unshared_transpose import (
    unshared_conv_transpose1d,
    unshared_conv_transpose2d,
    unshared_conv_transpose3d,
)


def test_equals_one_product_a_position_and_folding():
    """What one would write with `einsum` and `fold`."""
    y, w = torch.randn(2, 5, 4, 4), torch.randn(4, 4, 5, 3, 3, 3)
    columns = torch.einsum("nkl,lkc->ncl", y.flatten(2), w.flatten(0, 1).flatten(2))
    want = F.fold(columns, (8, 7), 3, padding=1, stride=2)
    torch.testing.assert_close(unshared_conv_transpose2d(y, w, stride=2, padding=1, output_size=(8, 7)), want)


def test_each_position_spreads_its_own_kernel():
    """Without overlap the kernels lie side by side."""
    kernels = torch.randn(3, 1, 1, 2)
    drawn = unshared_conv_transpose1d(torch.ones(1, 1, 3), kernels, stride=2)
    assert drawn.flatten().equal(kernels.flatten())
    assert unshared_conv_transpose3d(torch.ones(1, 1, 1, 1, 2), torch.ones(1, 1, 2, 1, 3, 2, 2, 2)).shape == (
        1,
        3,
        2,
        2,
        3,
    )
