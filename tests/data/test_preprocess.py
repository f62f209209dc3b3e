"""A preprocessing that cannot be carried out cannot be made."""

import pytest

from striate.data.piece import Piece
from striate.data.preprocess import Preprocess
from striate.errors import OptionError

REFUSED = [
    (
        ((0, 32), 1, (0.0,), (1.0,)),
        "preprocess: image_size is not a height and a width.\n"
        "  image_size  (0, 32)\n  channels    1\n  mean        (0.0,)\n  std         (1.0,)\n"
        "Pass two of 1 to 4096.",
    ),
    (
        ((8, 8), 2, (0.0, 0.0), (1.0, 1.0)),
        "preprocess: an image has 1 channel or 3.\n"
        "  image_size  (8, 8)\n  channels    2\n  mean        (0.0, 0.0)\n  std         (1.0, 1.0)\n"
        "Pass channels=1 or channels=3.",
    ),
    (
        ((8, 8), 3, (0.0,), (1.0, 1.0, 1.0)),
        "preprocess: mean and std need one finite number per channel.\n"
        "  image_size  (8, 8)\n  channels    3\n  mean        (0.0,)\n  std         (1.0, 1.0, 1.0)\n"
        "Pass 3 of each.",
    ),
    (
        ((8, 8), 1, (float("nan"),), (1.0,)),
        "preprocess: mean and std need one finite number per channel.\n"
        "  image_size  (8, 8)\n  channels    1\n  mean        (nan,)\n  std         (1.0,)\n"
        "Pass 1 of each.",
    ),
    (
        ((8.5, 8), 1, (0.0,), (1.0,)),
        "preprocess: image_size is not a height and a width.\n"
        "  image_size  (8.5, 8)\n  channels    1\n  mean        (0.0,)\n  std         (1.0,)\n"
        "Pass two of 1 to 4096.",
    ),
    (
        ((8, 8), 1, (0.5,), (0.0,)),
        "preprocess: std divides, so it is above 0.\n"
        "  image_size  (8, 8)\n  channels    1\n  mean        (0.5,)\n  std         (0.0,)\n"
        "Pass 1 where nothing varies.",
    ),
    (
        ((8, 8), 1, (0.5,), (0.1,), "crop", 0.5),
        "preprocess: enlarge is out of range.\n"
        "  image_size  (8, 8)\n  channels    1\n  mean        (0.5,)\n  std         (0.1,)\n  enlarge     0.5\n"
        "Pass 1 to 16.",
    ),
    (
        ((8, 8), 1, (0.5,), (0.1,), "crop", 1.0, (0.1, 0.2)),
        "preprocess: covariance needs one number for each two channels.\n"
        "  image_size  (8, 8)\n  channels    1\n  mean        (0.5,)\n  std         (0.1,)\n  covariance  (0.1, 0.2)\n"
        "Pass 1, or none.",
    ),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_what_does_not_fit_is_refused(arguments, message):
    """Each rule is stated with all values."""
    with pytest.raises(OptionError) as error:
        Preprocess(*arguments)
    assert str(error.value) == message


def test_equal_settings_are_equal():
    """A stored preprocessing can be compared with another."""
    assert Preprocess((8, 8), 1, (0.5,), (0.1,)) == Preprocess((8, 8), 1, (0.5,), (0.1,), "crop")


def test_what_an_older_version_stored_is_understood():
    """Without the later fields it means what it meant: the whole picture, and colours whose covariance is not known."""
    old = Preprocess(**{"image_size": (8, 8), "channels": 1, "mean": (0.5,), "std": (0.1,), "resize": "stretch"})
    assert (old.enlarge, old.covariance, old.middle) == (1.0, (), Piece((8, 8), "stretch"))
