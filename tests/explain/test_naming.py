"""explain.naming: which steps of a graph belong together, and what they are called."""

import pytest
import torch
from torch import nn

from striate.explain.layers import capture

pytestmark = pytest.mark.traced


class Block(nn.Module):
    """A module and functions beside each other, whose names meet."""

    def __init__(self):
        super().__init__()
        self.relu, self.squash = nn.ReLU(), nn.Hardtanh()

    def forward(self, x):
        x = torch.relu(self.relu(x) - 1)
        return self.squash(x[:, :, ::2, ::2]) + x.mean((2, 3), keepdim=True)


def test_a_function_does_not_take_a_modules_name():
    """Both are called relu: the second is counted."""
    layers = capture(nn.Sequential(Block(), Block()), torch.zeros(1, 2, 8, 8)).layers
    assert list(layers) == [
        *("0.relu", "0.sub", "0.relu:2", "0.getitem", "0.squash", "0.mean", "0.add"),
        *("1.relu", "1.sub", "1.relu:2", "1.getitem", "1.squash", "1.mean", "1.add"),
    ]
    assert layers["0.getitem"].kind == "getitem"
    assert layers["1.add"].shape == (2, 2, 2)


def test_a_model_of_one_layer_has_the_functions_name():
    """Its own path is empty."""
    assert list(capture(nn.Conv2d(1, 2, 3), torch.zeros(1, 1, 5, 5)).layers) == ["conv2d"]


def test_of_a_layer_with_two_results_the_numbers_are_meant():
    """Not the places of the maxima."""

    class Pooled(nn.Module):
        def __init__(self):
            super().__init__()
            self.pool = nn.MaxPool2d(2, return_indices=True)

        def forward(self, x):
            found, places = self.pool(x)
            return found + places

    assert capture(Pooled(), torch.zeros(1, 1, 4, 4)).layers["pool"].shape == (1, 2, 2)


def test_what_folds_the_examples_into_others_is_no_layer():
    """There the first axis is not the images."""

    class Folded(nn.Module):
        def forward(self, x):
            return torch.relu(x.flatten(0, 1)).unflatten(0, (-1, 3)) * 2

    assert list(capture(Folded(), torch.zeros(1, 3, 4, 4)).layers) == ["unflatten", "mul"]
