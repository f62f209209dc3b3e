"""explain.objectives: each reads what its name says."""

import pytest
import torch

from striate.errors import OptionError
from striate.explain.objectives import class_score, direction, feature_map, unit

MAPS = torch.randn(3, 4, 5, 6)


@pytest.mark.parametrize(
    ("objective", "expected", "name"),
    [
        (unit("conv2", 1), MAPS[:, 1, 2, 3], "conv2, map 1, the unit at the middle"),
        (unit("conv2", 3, (0, 5)), MAPS[:, 3, 0, 5], "conv2, map 3, the unit at (0, 5)"),
        (feature_map("conv2", 2), MAPS[:, 2].mean((1, 2)), "conv2, map 2"),
        (direction("conv2", torch.tensor([1.0, 0, -2, 0])), (MAPS[:, 0] - 2 * MAPS[:, 2]).mean((1, 2)), None),
    ],
)
def test_reads_maps(objective, expected, name):
    """One number an image."""
    torch.testing.assert_close(objective.read(MAPS), expected)
    assert objective.layer == "conv2"
    assert name in (None, objective.name)


def test_reads_scores():
    """A class is read off the output; the units of a layer without positions are maps of one sample."""
    scores = torch.randn(3, 4)
    assert class_score(2, "cat").read(scores).equal(scores[:, 2])
    assert (class_score(2, "cat").layer, class_score(2, "cat").name) == (None, "class cat")
    assert feature_map("fc", 1).read(scores).equal(scores[:, 1])
    assert unit("fc", 1).read(scores).equal(scores[:, 1])
    torch.testing.assert_close(direction("fc", torch.ones(4)).read(scores), scores.sum(1))


@pytest.mark.refusal
def test_what_does_not_exist_is_refused():
    """A map, and a direction of another length."""
    with pytest.raises(OptionError) as error:
        feature_map("conv2", 4).read(MAPS)
    assert str(error.value) == "maximise: conv2 has no map 4.\n  feature  4\nChoose from 0 to 3."
    with pytest.raises(OptionError) as error:
        direction("conv2", torch.ones(3)).read(MAPS)
    assert str(error.value) == (
        "direction: there is not one weight a map.\n  layer    conv2\n  weights  3\nPass 4 numbers."
    )
