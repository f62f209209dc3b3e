"""nn.conv: learned kernels, shared; the contract is in `test_convolution.py`."""

import torch

from striate.nn.conv import Conv1d, Conv2d, Conv3d


def test_weights_are_k_c_and_the_kernel():
    """(K, C / groups, *kernel), as PyTorch stores them."""
    for layer, kernel in ((Conv1d, (3,)), (Conv2d, (3, 3)), (Conv3d, (3, 3, 3))):
        assert layer(4, 6, 3, groups=2).weight.shape == (6, 2, *kernel)
    assert Conv2d(3, 4, 3, padding="same", stride=2)(torch.zeros(1, 3, 7, 8)).shape == (1, 4, 4, 4)
