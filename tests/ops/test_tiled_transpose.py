"""ops.tiled_transpose: the way back through kernels that take turns; the laws are in `test_positions.py`."""

import torch

from striate.ops.tiled_transpose import tiled_conv_transpose1d, tiled_conv_transpose2d, tiled_conv_transpose3d


def test_position_p_spreads_kernel_p_mod_t():
    """A single one at position p draws the kernel whose turn it is."""
    kernels = torch.randn(2, 1, 1, 3)
    for p in range(4):
        drawn = tiled_conv_transpose1d(torch.eye(4)[p].view(1, 1, 4), kernels, stride=3)
        assert drawn[0, 0, 3 * p : 3 * p + 3].equal(kernels[p % 2, 0, 0])
    one = torch.zeros(1, 1, 2, 2)
    one[..., 1, 0] = 1
    kernels = torch.randn(2, 2, 1, 1, 2, 2)
    assert tiled_conv_transpose2d(one, kernels, stride=2)[0, 0, 2:, :2].equal(kernels[1, 0, 0, 0])
    assert tiled_conv_transpose3d(torch.ones(1, 1, 1, 1, 1), torch.ones(1, 1, 1, 1, 2, 3, 3, 3)).shape == (
        1,
        2,
        3,
        3,
        3,
    )
