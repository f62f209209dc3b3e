"""ops.axes: rows and columns are found again wherever an operation has put them, or are said to be mixed."""

from math import prod

import pytest
import torch

from striate.ops import axes
from striate.ops.axes import Axis
from striate.ops.receptive import Reach

WHOLE_ROWS, WHOLE_COLUMNS = Reach((0,), (5,), 0), Reach((0,), (6,), 0)


def image() -> torch.Tensor:
    return torch.empty(2, 3, 6, 7, device="meta")


def indices(found: axes.Axes) -> tuple[int | None, int | None]:
    return found[0].index, found[1].index


@pytest.mark.parametrize("spatial", [(9,), (6, 7), (4, 5, 6)], ids=str)
def test_an_image_has_an_axis_for_every_dimension_after_the_channels(spatial):
    """Sequences have one, pictures two, volumes three; each position sees itself."""
    found = axes.image_axes(torch.empty(2, 3, *spatial, device="meta"))
    assert [(axis.index, axis.size, axis.extent, axis.reach) for axis in found] == [
        (2 + i, n, n, Reach()) for i, n in enumerate(spatial)
    ]
    assert [axis.outer for axis in found] == [6 * prod(spatial[:i]) for i in range(len(spatial))]


def test_whole_and_gathered_stand_still():
    """What has seen everything sees all samples; what has mixed its positions sees what these saw."""
    height = axes.image_axes(image())[0]
    assert (axes.whole(height).reach, axes.gathered(height).reach) == (WHOLE_ROWS, WHOLE_ROWS)
    halved = Axis(Reach((0,), (0,), 2), 6, 2, 6, 2)
    assert axes.gathered(halved).reach == Reach((0,), (2,), 0)
    assert axes.gathered(axes.gathered(halved)) == axes.gathered(halved)


@pytest.mark.parametrize(
    ("shape", "where"),
    [
        ((2, 3, 6, 7), (2, 3)),
        ((1, 2, 3, 6, 7), (3, 4)),
        ((6, 6, 7), (1, 2)),
        ((2, 3, 42), (None, None)),
        ((2, 3, 2, 3, 7), (None, 4)),
        ((252,), (None, None)),
    ],
    ids=str,
)
def test_view_finds_an_axis_by_what_lies_before_it(shape, where):
    """Where the same sizes lie before it, it is the same axis; where it was merged or split, it is none."""
    x = image()
    assert indices(axes.view({}, x, axes.image_axes(x), x.view(shape))) == where


def test_view_and_back_loses_nothing():
    """Merging rows and columns and separating them again gives the axes that were there."""
    x = image()
    flat, before = x.flatten(2), axes.image_axes(x)
    assert axes.view({}, flat, axes.view({}, x, before, flat), x) == before


@pytest.mark.parametrize(("dims", "where"), [((0, 2, 3, 1), (1, 2)), ((3, 2, 1, 0), (1, 0)), ((0, 1, -1, -2), (3, 2))])
def test_permute_follows_the_axes(dims, where):
    """An axis goes where its dimension goes."""
    x = image()
    assert indices(axes.permute({"dims": dims}, x, axes.image_axes(x), x.permute(dims))) == where


def test_permute_of_merged_axes_mixes():
    """Of what a view has merged, a permutation leaves nothing to follow."""
    x = image().flatten(2)
    merged = axes.view({}, image(), axes.image_axes(image()), x)
    height, width = axes.permute({"dims": (2, 0, 1)}, x, merged, x.permute(2, 0, 1))
    assert (height.reach, width.reach) == (WHOLE_ROWS, WHOLE_COLUMNS)


@pytest.mark.parametrize(
    ("dims", "mixed", "where"),
    [
        ([0], (False, False), (1, 2)),
        ([1], (False, False), (1, 2)),
        ([2], (True, False), (None, 2)),
        ([3], (False, True), (2, None)),
    ],
    ids=str,
)
def test_mix_mixes_what_it_sums_over(dims, mixed, where):
    """A sum over one dimension fixes that axis; the others stay, and move up if the dimension is dropped."""
    x = image()
    found = axes.mix(lambda *_: dims)({}, x, axes.image_axes(x), x.sum(dims))
    assert tuple(axis.fixed for axis in found) == mixed
    assert indices(found) == where


def test_mix_of_a_merged_dimension_mixes_both():
    """A linear layer over the flattened image sees rows and columns alike."""
    x = image()
    flat = x.flatten(1)
    merged = axes.view({}, x, axes.image_axes(x), flat)
    height, width = axes.mix(lambda *_: [-1])({}, flat, merged, torch.empty(2, 10, device="meta"))
    assert (height.reach, width.reach) == (WHOLE_ROWS, WHOLE_COLUMNS)


def test_join_of_axes_that_do_not_move_alike_sees_everything():
    """Where one branch has been halved and the other has not, no window describes the sum."""
    x = image()
    height, width = axes.image_axes(x)
    halved = Axis(Reach((0,), (1,), 2), 6, 6, 6, 2)
    joined = axes.join([(height, width), (halved, width)])
    assert (joined[0].reach, joined[1]) == (WHOLE_ROWS, width)
    assert axes.join([(height, width)]) == (height, width)


def test_by_index_broadcasts_from_the_right():
    """An input with fewer dimensions is aligned at its end; an axis that is stretched is mixed."""
    x = image()
    assert indices(axes.by_index({}, x, axes.image_axes(x), torch.empty(4, 2, 3, 6, 7))) == (3, 4)
    row = axes.by_index({}, x, axes.image_axes(x), torch.empty(2, 3, 6, 14))
    assert [axis.fixed for axis in row] == [False, True]
