"""nn.unshared_transpose: a kernel for every position, transposed; the contract is in `test_convolution.py`."""

import torch

from striate.nn.unshared_transpose import UnsharedConvTranspose1d, UnsharedConvTranspose2d, UnsharedConvTranspose3d


def test_weights_have_an_axis_for_every_axis_of_the_input():
    """(*input_size, in, out / groups, *kernel), and one offset per location of the output."""
    for rank, layer in enumerate((UnsharedConvTranspose1d, UnsharedConvTranspose2d, UnsharedConvTranspose3d), start=1):
        made = layer(4, 6, 3, 2, groups=2, input_size=3)
        assert made.weight.shape == (*[3] * rank, 4, 3, *[3] * rank)
        assert made.bias is not None
        assert made.bias.shape == (6, *[7] * rank)
        assert made(torch.zeros(2, 4, *[3] * rank)).shape == (2, 6, *[7] * rank)
