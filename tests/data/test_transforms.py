"""data.transforms: each image is changed by its own key alone, as far as the options say and no further."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from striate.data.keyed import uniform
from striate.data.transforms import TRANSFORMS, Augment, augment, normalize
from striate.errors import OptionError

OPTIONS = {
    "flip": {"flip": True},
    "pad": {"pad": 2},
    "affine": {"rotate": 20, "zoom": 0.2, "shift": 0.1},
    "color": {"color": 0.4},
    "erase": {"erase": 0.5},
    "all": {"flip": True, "pad": 1, "rotate": 9, "zoom": 0.1, "shift": 0.1, "color": 0.2, "erase": 0.3},
}
options = pytest.mark.parametrize("settings", OPTIONS.values(), ids=OPTIONS.keys())
KEY = {"seed": 3, "epoch": 7}


def images(n=6, channels=3, height=12, width=10):
    return torch.rand(n, channels, height, width, generator=torch.Generator().manual_seed(0))


@options
@pytest.mark.parametrize("channels", [1, 3])
def test_a_sample_is_replayed_alone(settings, channels):
    """A sample of a batch and the same sample alone come out the same, bit for bit."""
    x, indices = images(channels=channels), np.array([5, 0, 99, 7, 1, 12])
    whole = augment(x, Augment(**settings), indices=indices, **KEY)
    for i in range(len(x)):
        alone = augment(x[i : i + 1], Augment(**settings), indices=indices[i : i + 1], **KEY)
        assert torch.equal(alone[0], whole[i])


@options
def test_epochs_and_seeds_differ_and_shapes_stay(settings):
    """Another epoch, another seed: another picture of the same size, and the input is left alone."""
    x, indices = images(), np.arange(6)
    before = x.clone()
    results = [augment(x, Augment(**settings), seed=s, epoch=e, indices=indices) for s, e in ((0, 0), (0, 1), (1, 0))]
    assert all(result.shape == x.shape for result in results)
    assert not torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    assert torch.equal(x, before)


def test_nothing_changes_by_default():
    """Without options the images are what they were."""
    x = images()
    assert torch.equal(augment(x, Augment(), indices=np.arange(6), **KEY), x)


def test_a_transform_does_not_move_the_numbers_of_another():
    """Turning colour on leaves the mirrored images mirrored."""
    x, indices = images(channels=1), np.arange(6)
    mirrored = augment(x, Augment(flip=True), indices=indices, **KEY)
    both = augment(x, Augment(flip=True, erase=0.2), indices=indices, **KEY)
    kept = both != 0
    assert torch.equal(both[kept], mirrored[kept])


def test_flip_mirrors_about_half():
    """Each image is itself or its mirror image, half of them each."""
    x = images(n=400, channels=1, height=3, width=4)
    out = augment(x, Augment(flip=True), indices=np.arange(400), **KEY)
    mirrored = (out == x.flip(3)).all((1, 2, 3))
    assert ((out == x).all((1, 2, 3)) | mirrored).all()
    assert 160 < int(mirrored.sum()) < 240


def test_pad_and_crop_is_a_shift_of_whole_pixels():
    """Every result is a window of the padded image, and every window occurs."""
    x, pad = images(n=300, channels=1, height=4, width=5), 1
    out = augment(x, Augment(pad=pad), indices=np.arange(300), **KEY)
    padded = torch.nn.functional.pad(x, [pad] * 4)
    windows = {(i, j): padded[:, :, i : i + 4, j : j + 5] for i in range(3) for j in range(3)}
    matches = torch.stack([(out == window).all((1, 2, 3)) for window in windows.values()])
    assert (matches.sum(0) == 1).all()
    assert (matches.sum(1) > 0).all()


def test_a_number_that_rounds_to_one_stays_within_the_image():
    """This sample's is 1 - 2**-26, which 32 bits cannot tell from 1: it is the last window, not one beyond."""
    (number,) = uniform(1, 54, np.array([16195]), 3)[0, 1:][uniform(1, 54, np.array([16195]), 3)[0, 1:] > 1 - 2**-25]
    assert np.float32(number) == 1
    out = augment(images(n=1), Augment(pad=4), seed=1, epoch=54, indices=np.array([16195]))
    assert out.shape == images(n=1).shape


def test_brightness_is_relative():
    """A uniform image is multiplied: black stays black, and 0.5 moves by at most the part that is allowed."""
    grey = torch.full((200, 1, 2, 2), 0.5)
    out = augment(grey, Augment(color=0.4), indices=np.arange(200), **KEY)
    assert 0.29 < float(out.min()) < 0.35
    assert 0.65 < float(out.max()) < 0.71
    black = torch.zeros(20, 3, 2, 2)
    assert torch.equal(augment(black, Augment(color=0.4), indices=np.arange(20), **KEY), black)


def test_rotation_is_a_rotation():
    """On an image that is not square too: the result is SciPy's rotation by the angle that the key gives."""
    y, x = torch.meshgrid(torch.arange(31.0), torch.arange(41.0), indexing="ij")
    blob = torch.exp(-((y - 12) ** 2 + (x - 27) ** 2) / 18)[None, None]
    out = augment(blob, Augment(rotate=30), indices=np.array([4]), **KEY)
    results = [ndimage.rotate(blob[0, 0].numpy(), angle, reshape=False, order=1) for angle in np.arange(-30, 30.5, 0.5)]
    errors = [np.abs(out[0, 0].numpy() - result).max() for result in results]
    assert min(errors) < 0.02
    assert math.isclose(float(out.sum()), float(blob.sum()), rel_tol=0.01)


def test_erase_blacks_out_one_rectangle():
    """What is erased is 0 in all channels, and no more than the options allow."""
    x = images(n=200, height=20, width=20) + 0.1
    erased = augment(x, Augment(erase=0.5), indices=np.arange(200), **KEY) == 0
    assert torch.equal(erased[:, 0], erased[:, 2])
    rows, columns = erased[:, 0].any(2).sum(1), erased[:, 0].any(1).sum(1)
    assert torch.equal(rows * columns, erased[:, 0].sum((1, 2)))
    assert int(rows.max()) <= 11
    assert int(rows.max()) > 0


def test_color_keeps_values_in_range_and_grey_grey():
    """Values stay in [0, 1]; an image with equal channels keeps them equal."""
    grey = images(channels=1).repeat(1, 3, 1, 1)
    out = augment(grey, Augment(color=0.5), indices=np.arange(6), **KEY)
    assert float(out.min()) >= 0
    assert float(out.max()) <= 1
    torch.testing.assert_close(out[:, 0], out[:, 2])


def test_normalize_gives_mean_0_and_std_1():
    """By the images' own mean and deviation, each channel comes out with 0 and 1."""
    x = images(n=50)
    mean, std = (tuple(f((0, 2, 3)).tolist()) for f in (x.mean, x.std))
    out = normalize(x, mean, std)
    torch.testing.assert_close(out.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(out.std((0, 2, 3)), torch.ones(3), atol=1e-5, rtol=0)


def test_every_transform_is_tested_alone():
    """A row added to the table needs a row in this file's table."""
    assert len(TRANSFORMS) == len(OPTIONS) - 1


@pytest.mark.refusal
def test_amounts_out_of_range_are_explained():
    """The message names the setting, its value and its range."""
    with pytest.raises(OptionError) as error:
        Augment(zoom=1.5)
    assert str(error.value) == "augment: zoom is out of range.\n  zoom  1.5\nPass 0 to 0.9."


@pytest.mark.refusal
@pytest.mark.parametrize("times", [(0.9, 1.2), (1.5, 1.2), (1.0, 17.0)])
def test_random_crops_out_of_range_are_explained(times):
    """A piece is no larger than the picture, and the least comes first."""
    with pytest.raises(OptionError) as error:
        Augment(random_crop=times)
    assert str(error.value) == (
        "augment: random_crop is out of range.\n"
        f"  random_crop  {times}\n"
        "Pass two numbers from 1 to 16, rising, or none."
    )
