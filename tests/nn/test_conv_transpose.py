"""nn.conv_transpose: learned kernels, transposed; the contract is in `test_convolution.py`."""

import torch

from striate.nn.conv_transpose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d


def test_weights_are_those_of_the_convolution_transposed():
    """(in, out / groups, *kernel); `output_size` names the size of the result."""
    for layer, kernel in ((ConvTranspose1d, (3,)), (ConvTranspose2d, (3, 3)), (ConvTranspose3d, (3, 3, 3))):
        made, y = layer(4, 6, 3, 2, groups=2), torch.zeros(1, 4, *[3] * len(kernel))
        assert made.weight.shape == (4, 3, *kernel)
        assert made(y).shape[2:] == (7,) * len(kernel)
        assert made(y, output_size=[8] * len(kernel)).shape[2:] == (8,) * len(kernel)
