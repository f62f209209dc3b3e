"""Options are checked when they are made; a part gives its pictures; a trained model's classes go by name."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from striate.data.dataset import DataOptions, judged_by
from striate.data.readers import open_dataset
from striate.errors import DataError, OptionError

REFUSED = [
    (
        {"image_size": (0, 32)},
        "open_dataset: image_size is not a height and a width.\n  image_size  (0, 32)\n"
        "Pass two of 1 to 4096, in pixels, such as (32, 32).",
    ),
    ({"channels": 2}, "open_dataset: channels is neither 1 nor 3.\n  channels  2\nPass 1 for grey or 3 for colour."),
    ({"resize": "pad"}, "open_dataset: resize is unknown.\n  resize  pad\nChoose one of: crop, shorter, stretch."),
    (
        {"enlarge": 0.9},
        "open_dataset: enlarge is out of range.\n  enlarge  0.9\nPass 1 to 16, such as 1.143, that is 256 / 224.",
    ),
    (
        {"split": (0.5, 0.1, 0.1)},
        "open_dataset: split is not three shares that add up to 1, some of it val where some is train.\n"
        "  split  (0.5, 0.1, 0.1)\n"
        "Pass those of train, val and test: (0.6, 0.2, 0.2); or (0, 0, 1) to judge a trained model.",
    ),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_options_out_of_range_are_refused(options, message):
    """Each setting's rule, value and way out."""
    with pytest.raises(OptionError) as error:
        DataOptions(**options)
    assert str(error.value) == message


@pytest.mark.parametrize("split", [(0.8, 0, 0.2), (1.0, 0, 0), (-0.2, 0.6, 0.6), (0.5, 0.5), (1.2, -0.1, -0.1)])
@pytest.mark.refusal
def test_there_is_no_training_without_validation(split):
    """Shares are not negative, add up to 1, and leave something to choose the best weights by."""
    with pytest.raises(OptionError, match="split is not three shares"):
        DataOptions(split=split)


@pytest.mark.parametrize("held", [True, False])
def test_reads_the_same_from_memory_and_from_files(held, pets):
    """Kept in memory or not, a picture is the same."""
    part = open_dataset(pets(), DataOptions(image_size=(16, 16))).parts["train"]
    assert part.held is not None
    again = replace(part, held=None)
    for i in range(len(part)):
        np.testing.assert_array_equal(part.read(i), again.read(i))
    assert part.read(0).dtype == np.float32
    assert part.read(0).shape == (1, 16, 16)


@pytest.mark.parametrize("enlarge", [1.0, 1.25])
def test_the_middle_piece_is_the_picture_itself(enlarge, pets):
    """Read from its file or kept in memory, in a folder or embedded."""
    for data in (pets(), "digits"):
        part = open_dataset(data, DataOptions(image_size=(16, 16), enlarge=enlarge)).parts["train"]
        (middle,) = part.read_pieces(3, [part.preprocess.middle])
        np.testing.assert_array_equal(part.read(3), middle)


def test_enlarging_shows_the_middle(lay_out, noise):
    """At 1.5 times the size, the middle two thirds of each side."""
    pixels = noise(1, 24, 24)
    root = lay_out({f"{c}/{i}.png": pixels for c in ("cat", "dog") for i in range(5)})
    part = open_dataset(root, DataOptions(image_size=(16, 16), enlarge=1.5)).parts["train"]
    np.testing.assert_array_equal(part.read(0)[0], pixels[4:20, 4:20] / np.float32(255))


def test_survives_pickling(pets):
    """A part can be sent to a worker process."""
    part = open_dataset(pets()).parts["val"]
    copy = pickle.loads(pickle.dumps(part))
    assert copy.names == part.names
    np.testing.assert_array_equal(copy.read(1), part.read(1))


def test_a_file_that_goes_bad_later_is_named(pets):
    """Between opening and reading a file may be lost: the error has its name."""
    root = pets()
    part = replace(open_dataset(root).parts["train"], held=None)
    (root / part.names[2]).unlink()
    with pytest.raises(DataError, match=part.names[2]):
        part.read(2)


def test_a_model_sees_its_own_classes(pets, lay_out, noise):
    """Labels follow the model's classes by name, whatever their order and number."""
    data = open_dataset(pets(), DataOptions(channels=1))
    model = replace(data.preprocess, mean=(0.25,), std=(0.5,))
    seen = judged_by(data, ("dog", "bird", "cat"), model)
    assert seen.classes == ("dog", "bird", "cat")
    assert seen.preprocess == model
    for part in ("train", "val", "test"):
        before = [data.classes[i] for i in data.parts[part].labels]
        assert [seen.classes[i] for i in seen.parts[part].labels] == before
        assert seen.parts[part].labels.dtype == np.int64


@pytest.mark.refusal
def test_a_class_that_the_model_never_saw_is_refused(pets):
    """Data cannot be judged by a model that lacks its classes."""
    root = pets()
    data = open_dataset(root)
    with pytest.raises(DataError) as error:
        judged_by(data, ("cat", "bird"), data.preprocess)
    assert str(error.value) == (
        "evaluate: the data has classes that the model was not trained on.\n"
        f"  data     {root}\n  unknown  dog\n  model    cat, bird\n"
        "Rename or remove them: classes are matched by name."
    )


@pytest.mark.refusal
def test_a_model_for_other_pictures_is_refused(pets):
    """The data must have been opened at the model's size."""
    data = open_dataset(pets())
    with pytest.raises(OptionError) as error:
        judged_by(data, data.classes, replace(data.preprocess, image_size=(28, 28)))
    assert str(error.value) == (
        "evaluate: the data was opened otherwise than the model needs.\n"
        "  data   {'image_size': (32, 32), 'channels': 1, 'resize': 'crop', 'enlarge': 1.0}\n"
        "  model  {'image_size': (28, 28), 'channels': 1, 'resize': 'crop', 'enlarge': 1.0}\n"
        "Open it with the model's image_size, channels, resize and enlarge."
    )
