"""evaluate.protocol: what is seen of a picture, and the mean of what is said of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from striate.data import DataOptions, Preprocess, open_dataset
from striate.data.piece import ten
from striate.data.transforms import normalize
from striate.errors import OptionError
from striate.evaluate.protocol import Protocol, judge, looks

CPU = torch.device("cpu")
P = Preprocess((224, 224), 3, (0.5,) * 3, (0.2,) * 3, enlarge=256 / 224)
SCALES = (224, 256, 384, 480, 640)


class Scorer(nn.Module):
    """Scores that depend on where things are, and are no linear function of the pixels; takes any size."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)

    def forward(self, x):
        return 6 * self.fc(self.conv(x).relu().amax((2, 3)))


@pytest.fixture
def part(pictures):
    """The pictures to be judged: 9 of 30 x 40, in colour."""
    data = pictures({"cat": 5, "dog": 4}, mode="RGB", size=(30, 40))
    options = DataOptions(image_size=(16, 16), enlarge=1.5, resize="shorter", split=(0.0, 0.0, 1.0))
    return open_dataset(data, options).parts["test"]


def judged(model, part, protocol, batch_size=4, any_size=True):
    """What the protocol says."""
    seen = looks(protocol, part.preprocess, any_size=any_size)
    return judge(model, part, seen, protocol.average, device=CPU, batch_size=batch_size)


def said(model, part, pieces):
    """The network's scores for these pieces of each picture, one picture after the other."""
    with torch.inference_mode():
        return torch.stack(
            [
                model(
                    normalize(
                        torch.from_numpy(np.stack(part.read_pieces(i, pieces))),
                        part.preprocess.mean,
                        part.preprocess.std,
                    )
                )
                for i in range(len(part))
            ]
        ).double()


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_ten_crops_are_averaged_as_alexnet_s_are(part, batch_size):
    """The mean of ten softmaxes, whatever the batches; and of scores where that is asked for."""
    model = Scorer()
    logits = said(model, part, ten(part.preprocess.middle))
    found = judged(model, part, Protocol(10), batch_size)
    torch.testing.assert_close(found, logits.softmax(2).mean(1), atol=1e-5, rtol=0)
    found = judged(model, part, Protocol(10, average="scores"), batch_size)
    torch.testing.assert_close(found, logits.mean(1).softmax(1), atol=1e-5, rtol=0)
    assert not torch.allclose(found, logits.softmax(2).mean(1), atol=5e-5), "the two are not the same"


def test_the_plain_protocol_is_the_middle(part):
    """As training sees it: the softmax of the scores for the middle piece."""
    model = Scorer()
    logits = said(model, part, [part.preprocess.middle])[:, 0]
    torch.testing.assert_close(judged(model, part, Protocol()), logits.softmax(1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("resize", ["crop", "shorter"])
def test_scales_are_averaged_fully_convolutionally(part, resize):
    """All of the picture at each size, in its own shape, where the network takes any."""
    part = replace(part, preprocess=replace(part.preprocess, resize=resize))
    model, protocol = Scorer(), Protocol(1, (16, 24, 31), "scores")
    middle = part.preprocess.middle
    each = [said(model, part, [replace(middle, enlarge=s / 16, whole=True)])[:, 0] for s in (16, 24, 31)]
    wanted = torch.stack(each).mean(0).softmax(1)
    torch.testing.assert_close(judged(model, part, protocol), wanted, atol=1e-5, rtol=0)


def test_a_network_of_one_size_sees_crops_at_each_scale(part):
    """The middles where one crop is asked for, ten each where ten are."""
    model, middle = Scorer(), part.preprocess.middle
    for crops, of in ((1, lambda piece: [piece]), (10, ten)):
        pieces = [piece for s in (20, 24) for piece in of(replace(middle, enlarge=s / 16))]
        wanted = said(model, part, pieces).softmax(2).mean(1)
        found = judged(model, part, Protocol(crops, (20, 24)), any_size=False)
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


def test_ten_crops_of_what_is_the_same_everywhere_say_what_one_says(lay_out_flat):
    """Pictures of one colour: every piece of them is alike."""
    model, part = Scorer(), lay_out_flat
    torch.testing.assert_close(judged(model, part, Protocol(10)), judged(model, part, Protocol()), atol=1e-5, rtol=0)


@pytest.fixture
def lay_out_flat(part):
    """The part, with pictures of one colour each."""
    colours = np.linspace(0, 1, len(part), dtype=np.float32)
    flat = np.broadcast_to(colours[:, None, None], (len(part), 30, 40)).copy()
    held = np.broadcast_to(colours[:, None, None, None], (len(part), 3, 16, 16)).copy()
    return replace(part, originals=flat, held=held)


def test_a_mirrored_picture_gets_the_same_ten_crops(part):
    """They are the same ten in another order, so what is said of it is the same."""
    rng = np.random.default_rng(0)
    pictures = rng.random((len(part), 30, 40)).astype(np.float32)
    model = Scorer()
    one, other = (
        judged(model, replace(part, originals=np.ascontiguousarray(p)), Protocol(10))
        for p in (pictures, pictures[:, :, ::-1])
    )
    torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


@pytest.mark.parametrize("protocol", [Protocol(), Protocol(10), Protocol(10, average="scores"), Protocol(1, (16, 20))])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_scores_that_are_not_finite_are_seen(part, protocol, bad):
    """Also where a softmax or a mean would hide them."""
    model = Scorer()
    with torch.no_grad():
        model.fc.bias[2] = bad
    assert judged(model, part, protocol) is None


def test_the_network_s_mode_is_left_as_it_was(part):
    """And in between it is in evaluation."""
    for training in (True, False):
        model = Scorer().train(training)
        judged(model, part, Protocol(10))
        assert model.training == model.fc.training == training


def test_what_is_seen():
    """Nothing but the middle by default; the papers' ten; each scale whole or by its crops."""
    assert looks(Protocol(), P, any_size=True) == looks(Protocol(average="scores"), P, any_size=False) == [()]
    assert looks(Protocol(10), P, any_size=True) == [ten(P.middle)]
    whole = looks(Protocol(1, SCALES), P, any_size=True)
    assert [(piece.whole, round(224 * piece.enlarge)) for (piece,) in whole] == [(True, s) for s in SCALES]
    middles = looks(Protocol(1, SCALES), P, any_size=False)
    assert middles == [(replace(P.middle, enlarge=s / 224),) for s in SCALES]
    assert [len(look) for look in looks(Protocol(10, SCALES), P, any_size=True)] == [10] * 5


@pytest.mark.parametrize(
    ("protocol", "any_size", "told", "folder"),
    [
        (Protocol(), True, "1 crop", ""),
        (Protocol(average="scores"), True, "1 crop", ""),
        (Protocol(10), True, "10 crops, probabilities averaged", "crops-10"),
        (Protocol(1, (256,)), True, "fully convolutional, a shorter side of 256 pixels", "scales-256"),
        (
            Protocol(1, (256, 384)),
            False,
            "1 crop, shorter sides of 256 and 384 pixels, probabilities averaged",
            "scales-256-384",
        ),
        (
            Protocol(10, (224, 256, 384), "scores"),
            True,
            "10 crops, shorter sides of 224, 256 and 384 pixels, scores averaged",
            "crops-10-scales-224-256-384-scores",
        ),
    ],
)
def test_it_has_a_name_and_words(protocol, any_size, told, folder):
    """No two protocols whose numbers may differ share either."""
    assert (protocol.told(any_size=any_size), protocol.folder) == (told, folder)


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crops": 5}, "evaluate: crops is out of range.\n  crops  5\nPass 1 or 10."),
        (
            {"scales": (0,)},
            "evaluate: scales is out of range.\n  scales  (0,)\nPass whole numbers of pixels from 1 to 4096, or none.",
        ),
        (
            {"average": "logits"},
            "evaluate: average is out of range.\n  average  'logits'\nChoose one of: probabilities, scores.",
        ),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    """The setting, its value and its range."""
    with pytest.raises(OptionError) as error:
        Protocol(**settings)
    assert str(error.value) == message


@pytest.mark.refusal
def test_a_scale_below_the_network_s_is_refused():
    """No piece of the network's size can be cut out of so small a picture."""
    with pytest.raises(OptionError) as error:
        looks(Protocol(1, (200, 256)), P, any_size=True)
    assert str(error.value) == (
        "evaluate: a scale is smaller than the images that the network was trained on.\n"
        "  scales      (200, 256)\n  image_size  (224, 224)\n"
        "Pass shorter sides from 224 pixels."
    )


@pytest.mark.refusal
def test_ten_crops_without_a_margin_are_refused():
    """They would be one and its mirror image, five times each."""
    with pytest.raises(OptionError) as error:
        looks(Protocol(10), replace(P, enlarge=1.0), any_size=True)
    assert str(error.value) == (
        "evaluate: ten crops would be five times the same, for the network sees whole pictures.\n"
        "  crops    10\n  enlarge  1.0\n"
        "Pass a scale above 224 pixels to cut them from, or train with enlarge."
    )
