"""nn.tiled_transpose: kernels that take turns, transposed; the contract is in `test_convolution.py`."""

import torch

from striate.nn.tiled_transpose import TiledConvTranspose1d, TiledConvTranspose2d, TiledConvTranspose3d


def test_weights_have_an_axis_of_turns_for_every_axis():
    """(*tiles, in, out / groups, *kernel), and one offset per tile of the output."""
    for rank, layer in enumerate((TiledConvTranspose1d, TiledConvTranspose2d, TiledConvTranspose3d), start=1):
        made = layer(4, 6, 3, 2, groups=2, tiles=3)
        assert made.weight.shape == (*[3] * rank, 4, 3, *[3] * rank)
        assert made.bias is not None
        assert made.bias.shape == (6, *[3] * rank)
        assert made(torch.zeros(2, 4, *[3] * rank)).shape == (2, 6, *[7] * rank)
