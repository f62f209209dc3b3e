"""nn.tiled: kernels that take turns; the contract is in `test_convolution.py`."""

import torch

from striate.nn.tiled import TiledConv1d, TiledConv2d, TiledConv3d


def test_weights_have_an_axis_of_turns_for_every_axis():
    """(*tiles, K, C / groups, *kernel), and one offset per tile."""
    for rank, layer in enumerate((TiledConv1d, TiledConv2d, TiledConv3d), start=1):
        made = layer(4, 6, 3, groups=2, tiles=3)
        assert made.weight.shape == (*[3] * rank, 6, 2, *[3] * rank)
        assert made.bias is not None
        assert made.bias.shape == (6, *[3] * rank)
        assert made(torch.zeros(2, 4, *[7] * rank)).shape == (2, 6, *[5] * rank)
    assert TiledConv2d(1, 1, 3, tiles=(1, 4)).tiles == (1, 4)
