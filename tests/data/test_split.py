"""The split is a function of names and seed: stratified, and stable for ever."""

import numpy as np
import pytest

from striate.data.split import PART_NAMES, PARTS, counts, split

PINNED = "1110000000200001000001000010201010102121"
SHARES = (0.6, 0.2, 0.2)
NAMES = [f"{'cat' if i % 3 else 'dog'}/{i:03}.png" for i in range(120)]
LABELS = np.array([int(i % 3 == 0) for i in range(120)])


def test_is_what_it_was_when_this_test_was_written():
    """No later version may move a sample: results before and after could not be compared."""
    assert "".join(map(str, split(NAMES, LABELS, SHARES, 0)[:40])) == PINNED


def test_every_class_is_cut_by_the_shares():
    """Each class has its 60, 20 and 20 percent."""
    parts = split(NAMES, LABELS, SHARES, 7)
    for label, size in ((0, 80), (1, 40)):
        assert np.bincount(parts[label == LABELS]).tolist() == [size * 6 // 10, size // 5, size // 5]


def test_does_not_depend_on_the_order_of_files():
    """Shuffled names keep their parts."""
    order = np.random.default_rng(0).permutation(len(NAMES))
    moved = split([NAMES[i] for i in order], LABELS[order], SHARES, 3)
    np.testing.assert_array_equal(moved, split(NAMES, LABELS, SHARES, 3)[order])


def test_another_seed_is_another_split():
    """The seed decides."""
    assert (split(NAMES, LABELS, SHARES, 0) != split(NAMES, LABELS, SHARES, 1)).any()


@pytest.mark.parametrize("new", [f"cat/new{i}.png" for i in range(20)])
def test_a_new_file_moves_at_most_one_over_each_cut(new):
    """Adding a picture leaves nearly all others where they were, and those of other classes entirely."""
    before = split(NAMES, LABELS, SHARES, 0)
    after = split([*NAMES, new], np.append(LABELS, 0), SHARES, 0)[:-1]
    assert (before != after).sum() <= 2
    np.testing.assert_array_equal(before[LABELS == 1], after[LABELS == 1])


@pytest.mark.parametrize("size", range(40))
@pytest.mark.parametrize("shares", [SHARES, (0.98, 0.01, 0.01), (0.01, 0.01, 0.98), (0.75, 0.25, 0.0), (0.0, 0.0, 1.0)])
def test_counts_are_near_the_shares_and_leave_no_part_empty(size, shares):
    """All samples are given out, and each part with a share gets one if there are enough, train first."""
    given = counts(size, shares)
    assert sum(given) == size
    active = [n for n, share in zip(given, shares, strict=True) if share]
    assert all(n > 0 for n in active[:size])
    assert all(n == 0 for n, share in zip(given, shares, strict=True) if not share)
    assert all(abs(n - size * share) <= 2 for n, share in zip(given, shares, strict=True))


def test_part_names_mean_parts():
    """Every spelling stands for a part, and every part is one of its own."""
    assert set(PART_NAMES.values()) == set(PARTS)
    assert all(PART_NAMES[part] == part for part in PARTS)
