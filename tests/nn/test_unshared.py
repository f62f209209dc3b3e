"""nn.unshared: a kernel for every position; the contract is in `test_convolution.py`."""

import torch

from striate.nn.unshared import UnsharedConv1d, UnsharedConv2d, UnsharedConv3d


def test_weights_have_an_axis_for_every_axis_of_positions():
    """(*positions, K, C / groups, *kernel), and one offset per location."""
    for rank, layer in enumerate((UnsharedConv1d, UnsharedConv2d, UnsharedConv3d), start=1):
        made = layer(4, 6, 3, groups=2, input_size=5)
        assert made.weight.shape == (*[3] * rank, 6, 2, *[3] * rank)
        assert made.bias is not None
        assert made.bias.shape == (6, *[3] * rank)
        assert made(torch.zeros(2, 4, *[5] * rank)).shape == (2, 6, *[3] * rank)
