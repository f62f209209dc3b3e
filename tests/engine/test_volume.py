"""engine.volume: sizes along one axis or three that fit together, or a reason."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from striate.engine import VolumeProblem
from striate.errors import ShapeError


@pytest.mark.parametrize(
    ("size", "weight", "settings"),
    [
        ((2, 3, 40), (5, 3, 7), {"stride": 2, "padding": 1}),
        ((2, 8, 21), (8, 2, 3), {"dilation": 2, "groups": 4}),
        ((1, 4, 7, 9, 10), (6, 4, 3, 2, 1), {"stride": (2, 1, 3), "padding": (1, 0, 2)}),
    ],
)
def test_the_output_is_as_large_as_pytorchs(size, weight, settings):
    """Of sequences and volumes, whatever the settings."""
    convolve = {3: F.conv1d, 5: F.conv3d}[len(size)]
    want = convolve(torch.zeros(size), torch.zeros(weight), **settings)
    assert VolumeProblem.of(size, weight, **settings).output == tuple(want.shape)


def test_directions_are_of_one_convolution():
    """The line says which, and everything that changes what it takes."""
    problem = VolumeProblem.of((1, 4, 9), (2, 4, 3), padding=1, direction="weight gradient")
    turned = problem.turned("input gradient")
    assert turned != problem
    assert turned.output == problem.output
    rest = "  input 1x4x9  weight 2x4x3  stride 1  padding 1,1  dilation 1  groups 1"
    assert [str(problem), str(turned)] == [f"weight gradient{rest}", f"input gradient{rest}"]
    others = replace(problem, dtype=torch.float64, channels_last=True, packed_anew=True)
    assert str(others) == f"weight gradient{rest}  channels_last  float64  packed anew"


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("size", "weight", "groups"),
    [((1, 4, 9), (2, 3, 3), 1), ((1, 4, 2), (2, 4, 3), 1), ((1, 4, 9, 9), (2, 4, 3, 3), 1), ((1, 4, 9), (3, 2, 3), 2)],
)
def test_sizes_that_do_not_fit_are_explained(size, weight, groups):
    """The whole text: other channels, too large a kernel, two axes, groups that do not divide."""
    with pytest.raises(ShapeError) as error:
        VolumeProblem.of(size, weight, groups=groups)
    assert str(error.value) == (
        "conv: sizes do not fit together.\n"
        f"  input   {size}\n"
        f"  weight  {weight}\n"
        f"  groups  {groups}\n"
        "Give an input (N, C, ...) and a weight (K, C/groups, ...) of one axis more, or of three, groups that divide "
        "both, and a kernel that fits into the padded input."
    )
