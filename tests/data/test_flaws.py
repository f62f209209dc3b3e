"""What only the whole shows: copies, missing parts, classes that nobody can learn."""

import numpy as np

from striate.data.flaws import copies, lacks, unlearnt
from striate.data.problems import Problem


def digests(*values):
    return np.array([[value] * 32 for value in values], dtype=np.uint8)


def found(labels, parts, *values):
    names = [f"{i}.png" for i in range(len(labels))]
    return [(p.kind, p.name) for p in copies(names, np.array(labels), np.array(parts), digests(*values))]


def test_copies_are_told_apart():
    """In two parts a leak, under two labels a conflict, else a duplicate."""
    assert found([0, 0], [0, 0], 1, 2) == []
    assert found([0, 0], [0, 0], 1, 1) == [("duplicate", "1.png")]
    assert found([0, 0], [0, 2], 1, 1) == [("leak", "1.png")]
    assert found([0, 1], [0, 0], 1, 1) == [("conflict", "1.png")]
    assert found([0, 1], [0, 2], 1, 1) == [("leak", "1.png"), ("conflict", "1.png")]


def test_files_in_no_part_are_no_copies():
    """Bad files have no bytes to compare."""
    assert found([0, 0], [-1, -1], 0, 0) == []


def test_copies_name_the_original():
    """Both files are named."""
    (problem,) = copies(["a.png", "b.png"], np.array([0, 0]), np.array([0, 2]), digests(1, 1))
    assert problem == Problem("leak", "b.png", "the same bytes as 'a.png', which is in another part")


def test_training_needs_two_classes_and_two_parts():
    """Each lack is a problem of its own."""
    assert list(lacks(["train", "val"], ["cat", "dog"], training=True)) == []
    assert [p.name for p in lacks(["test"], ["cat", "dog"], training=True)] == ["train", "val"]
    assert [p.kind for p in lacks(["train", "val"], ["cat"], training=True)] == ["one class"]
    assert [p.kind for p in lacks([], [], training=True)] == ["no images"]


def test_judging_needs_one_picture():
    """A trained model can be judged by anything."""
    assert list(lacks(["test"], ["cat"], training=False)) == []
    assert [p.kind for p in lacks([], [], training=False)] == ["no images"]


def test_classes_to_be_judged_on_only_are_counted():
    """One problem a class."""
    assert list(unlearnt(["dog", "ant", "dog"])) == [
        Problem("unknown class", "ant", "pictures to judge: 1; to train on: none"),
        Problem("unknown class", "dog", "pictures to judge: 2; to train on: none"),
    ]
