"""ops.pieces: what is put together from parts sees what the parts see, and no less."""

import pytest
import torch

from striate.ops.axes import image_axes
from striate.ops.pieces import Canvas, Piece, assemble, glue, place
from striate.ops.receptive import Reach, grow


def moved(by, *, jump=1):
    return Reach((by * jump,), (by * jump,), jump)


ASSEMBLED = [
    ("alone", [Piece(moved(-3), 3, 8)], moved(-3)),
    ("alike", [Piece(moved(-3), 3, 8), Piece(moved(-3), 0, 3)], moved(-3)),
    ("round its end", [Piece(moved(-3), 3, 8), Piece(moved(5), 0, 3), Piece(moved(-11), 11, 2)], moved(-3)),
    ("round in steps", [Piece(moved(-3, jump=2), 3, 8), Piece(moved(5, jump=2), 0, 3)], moved(-3, jump=2)),
    ("round, too far", [Piece(moved(-3), 3, 8), Piece(moved(6), 0, 3)], None),
    ("twice", [Piece(moved(0), 0, 8), Piece(moved(-8), 8, 8)], None),
    ("on top of each other", [Piece(moved(0), 0, 8), Piece(moved(1), 1, 7)], Reach((0,), (1,), 1)),
    ("at two rates", [Piece(moved(0), 0, 8), Piece(moved(0, jump=2), 0, 8)], None),
    ("apart", [Piece(moved(0), 0, 8), Piece(moved(1), 8, 4)], None),
]


@pytest.mark.parametrize(("pieces", "reach"), [a[1:] for a in ASSEMBLED], ids=[a[0] for a in ASSEMBLED])
def test_pieces_go_round_overlap_or_have_no_pattern(pieces, reach):
    """What goes round is a border and ignored; what overlaps is joined; anything else has no one pattern."""
    assert assemble(pieces) == reach
    assert assemble(pieces[::-1]) == reach or len({p.length for p in pieces}) < len(pieces)


GLUED = [
    ("zeros before", lambda x: [torch.zeros(2, 3, 4, device="meta"), x], 2, moved(-4)),
    ("channels", lambda x: [x, x], 1, moved(0)),
    ("round", lambda x: [x[..., -2:], x, x[..., :1]], -1, moved(-2)),
    ("itself twice", lambda x: [x, x], 2, Reach((0,), (7,), 0)),
    ("an empty one", lambda x: [torch.zeros(0, device="meta"), x], 2, moved(0)),
]


@pytest.mark.parametrize(("parts", "dim", "reach"), [g[1:] for g in GLUED], ids=[g[0] for g in GLUED])
def test_glue_says_where_each_part_lies(parts, dim, reach):
    """What does not depend on the image takes its place too; along other dimensions nothing changes."""
    x = torch.empty(2, 3, 8, device="meta")
    tensors, start = parts(x), {8: 0, 2: 6, 1: 0}
    seen = []
    for tensor in tensors:
        if tensor is x or tensor._base is x:
            reached = grow(Reach(), 1, padding=-start[tensor.shape[2]])
            seen.append((tensor, (image_axes(tensor)[0].__class__(reached, 6, tensor.shape[2], 8, 2),)))
    out = torch.cat(tensors, dim)
    (axis,) = glue({"tensors": tensors, "dim": dim}, seen, out)
    assert axis.reach == reach
    if axis.reach.jump:
        assert (axis.index, axis.size) == (2, out.shape[2])


PLACED = [
    ("all", lambda x: x, [(0, 2, 0), (0, 3, 1), (0, 6, 2), (0, 7, 3)]),
    ("a box", lambda x: x[1:, :, 2:4, 5:], [(1, 1, 0), (0, 3, 1), (2, 2, 2), (5, 2, 3)]),
    ("one channel", lambda x: x[:, 1], [(0, 2, 0), (1, 1, None), (0, 6, 1), (0, 7, 2)]),
    ("turned", lambda x: x.mT[:, :, 1:3], [(0, 2, 0), (0, 3, 1), (0, 6, 3), (1, 2, 2)]),
    ("one row", lambda x: x[:, :, 5:], [(0, 2, 0), (0, 3, 1), (5, 1, 2), (0, 7, 3)]),
    ("every second", lambda x: x[..., ::2], None),
    ("flat", lambda x: x.view(-1), None),
    ("a diagonal", lambda x: x.diagonal(0, 2, 3), None),
    ("stretched", lambda x: x[:, :, :, :1].expand(2, 3, 6, 9), None),
    ("a window of a window", lambda x: x.unfold(3, 2, 1), None),
]


@pytest.mark.parametrize(("cut", "where"), [p[1:] for p in PLACED], ids=[p[0] for p in PLACED])
def test_place_finds_boxes_and_nothing_else(cut, where):
    """Where a view is a box in its tensor, it is found by its strides, whatever the order of its dimensions."""
    x = torch.empty(2, 3, 6, 7)
    assert place(x, cut(x)) == where


def test_place_in_what_is_itself_stretched_or_later_is_nowhere():
    """A tensor whose numbers lie on top of each other has no boxes, and nothing lies before its start."""
    x = torch.empty(1, 5)
    assert place(x.expand(3, 5), x) is None
    assert place(x[:, 2:], x) is None


def test_canvas_forgets_what_is_written_over():
    """Once all of it is written anew, only that counts; before, parts are joined."""
    x = torch.empty(1, 1, 8, device="meta")
    (axis,) = image_axes(x)
    canvas = Canvas(x, (axis,))
    ahead = axis.__class__(moved(1), 1, 7, 8, 2)
    canvas.write(x[..., :7], (ahead,))
    assert (canvas.read(x)[0].reach, canvas.version) == (Reach((0,), (1,), 1), 1)
    assert canvas.read(x[..., 3:])[0].reach == Reach((3,), (4,), 1)
    assert canvas.read(x[..., 3])[0].fixed
    assert canvas.read(x[..., ::2])[0].fixed
    canvas.write(x, (axis.__class__(moved(2), 1, 8, 8, 2),))
    assert canvas.read(x)[0].reach == moved(2)
    canvas.write(x[..., ::2], (ahead,))
    assert canvas.read(x)[0].reach == canvas.read(x[..., 2:])[0].reach == Reach((0,), (7,), 0)


def test_an_empty_canvas_sees_nothing():
    """Before anything of the image is written there is nothing to read."""
    x = torch.empty(1, 1, 8, device="meta")
    assert Canvas(x).read(x[..., 2:]) is None
