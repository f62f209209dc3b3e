"""ops.tiled: kernels take turns; the laws are in `test_positions.py`."""

import pytest
import torch

from striate.ops.tiled import tiled_conv1d, tiled_conv2d, tiled_conv3d


def test_position_p_uses_kernel_p_mod_t():
    """Kernels of one tap, each another number: the output is the pattern of turns."""
    rows = tiled_conv1d(torch.ones(1, 1, 7), torch.arange(3.0).view(3, 1, 1, 1))
    assert rows.flatten().tolist() == [0, 1, 2, 0, 1, 2, 0]
    pattern = tiled_conv2d(torch.ones(1, 1, 3, 5), torch.arange(4.0).view(2, 2, 1, 1, 1, 1))[0, 0]
    assert pattern.tolist() == [[0, 1, 0, 1, 0], [2, 3, 2, 3, 2], [0, 1, 0, 1, 0]]
    volume = tiled_conv3d(torch.ones(1, 1, 2, 2, 2), torch.arange(8.0).view(2, 2, 2, 1, 1, 1, 1, 1))
    assert volume.flatten().tolist() == list(range(8))


@pytest.mark.parametrize(("axis", "periods"), [(0, (1, 3)), (1, (3, 1))])
def test_axes_may_have_periods_of_their_own(axis, periods):
    """One kernel along an axis is shared along it."""
    out = tiled_conv2d(torch.ones(1, 1, 6, 6), torch.randn(*periods, 1, 1, 1, 1))[0, 0]
    assert out.select(axis, 0).equal(out.select(axis, 1))
    assert not out.select(1 - axis, 0).equal(out.select(1 - axis, 1))
