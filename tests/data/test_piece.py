"""data.piece: a piece is where the papers say, and is what scaling first and cutting then would give."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from striate.data.image import fit
from striate.data.piece import Piece, cut, random_pieces, ten

ALEXNET = Piece((224, 224), enlarge=256 / 224)
RESNET = replace(ALEXNET, resize="shorter")
KEY = {"seed": 1, "epoch": 2}


def sizes(count, height=300, width=400):
    """So many pictures of one size."""
    return np.tile(np.array([[height, width]], dtype=np.int32), (count, 1))


def drawn(middle, times, count=4000, **key):
    """Pieces for so many pictures of 300 x 400."""
    return random_pieces(middle, times, sizes(count), indices=np.arange(count), **{**KEY, **key})


def corner(piece, height, width, shorter):
    """The piece's corner in pixels of the picture whose shorter side is scaled to `shorter`."""
    (left, top, _, _), _ = cut(piece, height, width)
    scale = shorter / min(height, width)
    return top * scale, left * scale


@pytest.mark.parametrize("resize", ["crop", "shorter", "stretch"])
@pytest.mark.parametrize(("height", "width"), [(256, 256), (300, 400), (500, 333), (7, 5), (1, 9)])
@pytest.mark.parametrize("image_size", [(224, 224), (32, 48)])
def test_every_piece_lies_in_the_picture(resize, height, width, image_size):
    """Whatever the shapes: none of the ten leaves it, and the box has the piece's shape unless it is stretched."""
    for piece in ten(Piece(image_size, resize, 1.5)):
        (left, top, right, bottom), wanted = cut(piece, height, width)
        assert wanted == image_size
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        if resize != "stretch":
            assert (right - left) / (bottom - top) == pytest.approx(wanted[1] / wanted[0])


def test_the_ten_are_the_paper_s():
    """Of a picture whose middle is 256 x 256: corners 0 or 32 pixels in, the middle 16; then mirrored."""
    pieces = ten(ALEXNET)
    want = [(0, 0), (0, 32), (32, 0), (32, 32), (16, 16)]
    found = [corner(piece, 256, 256, 256) for piece in pieces]
    np.testing.assert_allclose(found, want * 2, atol=1e-9)
    assert [piece.mirrored for piece in pieces] == [False] * 5 + [True] * 5
    # A wide picture: AlexNet's pieces come from its middle, 64 pixels in on each side.
    found = [corner(piece, 256, 384, 256) for piece in pieces[:5]]
    np.testing.assert_allclose(found, [(top, left + 64) for top, left in want], atol=1e-9)
    # The ResNets' come from all of it.
    found = [corner(piece, 256, 384, 256) for piece in ten(RESNET)[:5]]
    np.testing.assert_allclose(found, [(0, 0), (0, 160), (32, 0), (32, 160), (16, 80)], atol=1e-9)


def test_a_piece_is_what_scaling_and_then_cutting_gives():
    """In one step as in two: Pillow's own resize to shorter side 60, and its corner, to a level of the 255."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (120, 180), dtype=np.uint8))
    scaled = np.asarray(picture.resize((90, 60), Image.Resampling.BILINEAR)).astype(int)
    middle = Piece((40, 40), "shorter", 1.5)
    for piece, (top, left) in zip(ten(middle), [(0, 0), (0, 50), (20, 0), (20, 50), (10, 25)], strict=False):
        found = np.asarray(fit(picture, piece)).astype(int)
        np.testing.assert_allclose(found, scaled[top : top + 40, left : left + 40], rtol=0, atol=1)


def test_without_enlargement_the_piece_is_all_of_it():
    """The largest centred rectangle, wherever the piece would lie."""
    for piece in ten(Piece((20, 10))):
        assert cut(piece, 40, 60)[0] == (20.0, 0.0, 40.0, 40.0)


@pytest.mark.parametrize(
    ("resize", "box", "size"),
    [
        ("crop", (50, 0, 350, 300), (256, 256)),
        ("shorter", (0, 0, 400, 300), (256, 341)),
        ("stretch", (0, 0, 400, 300), (256, 256)),
    ],
)
def test_the_whole_is_what_pieces_come_from(resize, box, size):
    """All that any piece of the kind can see, at the enlarged size."""
    found = cut(replace(ALEXNET, resize=resize, whole=True), 300, 400)
    np.testing.assert_allclose(found[0], box, atol=1e-6)
    assert found[1] == size


def test_a_mirrored_piece_is_the_mirror_image():
    """And the mirrored middle of a picture is the middle of the mirrored picture."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 41), dtype=np.uint8))
    turned = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    middle = Piece((8, 8), enlarge=1.4)
    mirrored = np.asarray(fit(picture, replace(middle, mirrored=True)))
    np.testing.assert_array_equal(mirrored, np.asarray(fit(picture, middle))[:, ::-1])
    np.testing.assert_allclose(mirrored.astype(int), np.asarray(fit(turned, middle)).astype(int), atol=1)


def test_scales_are_drawn_evenly():
    """Every shorter side from 256 to 480 comes up, each as often as the others."""
    sides = [round(piece.enlarge * 224) for piece in drawn(RESNET, (256 / 224, 480 / 224), 20_000)]
    counts = np.bincount(sides)[256:]
    assert min(sides) == 256
    assert len(counts) == 480 - 256 + 1
    assert stats.chisquare(counts).pvalue > 0.01


def test_places_are_pixels_drawn_evenly():
    """Of the scaled picture, the first and the last among them; in AlexNet's 256 x 256 there are 33 a side."""
    pieces = drawn(ALEXNET, (256 / 224, 256 / 224), 20_000)
    corners = np.array([corner(piece, 300, 400, 256) for piece in pieces]) - corner(
        replace(ALEXNET, down=0, across=0), 300, 400, 256
    )
    np.testing.assert_allclose(corners, corners.round(), atol=1e-6)
    for axis in corners.round().astype(int).T:
        assert len(np.bincount(axis)) == 33
        assert stats.chisquare(np.bincount(axis)).pvalue > 0.01
    assert abs(stats.pearsonr(*corners.T).statistic) < 0.03


def test_a_piece_is_replayed_alone():
    """Whatever else is in the batch; another seed or epoch gives others."""
    pieces = drawn(RESNET, (1.0, 2.0), 50)
    alone = random_pieces(RESNET, (1.0, 2.0), sizes(1), indices=np.array([31]), **KEY)
    assert alone == [pieces[31]]
    assert pieces != drawn(RESNET, (1.0, 2.0), 50, seed=2)
    assert pieces != drawn(RESNET, (1.0, 2.0), 50, epoch=3)


def test_where_nothing_is_free_the_piece_is_the_middle():
    """A picture that is scaled to the piece's own size leaves no choice."""
    assert {(piece.down, piece.across) for piece in drawn(Piece((224, 224)), (1.0, 1.0), 9)} == {(0.5, 0.5)}
