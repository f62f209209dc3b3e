"""models.weights.own: what comes with the package is small, whole, and as good as its card says."""

import socket
from pathlib import Path

import pytest
import torch

from striate.data import DataOptions, Preprocess, judged_by, open_dataset
from striate.data.loader import Loader
from striate.data.order import Order
from striate.errors import OptionError
from striate.evaluate import measure
from striate.evaluate.pack import LICENCES
from striate.evaluate.scores import scores
from striate.models import create
from striate.models.weights import OWN, own, own_weights

NAMES = [(model, name) for model, names in OWN.items() for name in names]
own_ones = pytest.mark.parametrize(("model", "name"), NAMES)
FOLDER = Path(own.__file__).parent
LIMIT_BYTES = 2_000_000


def judged_network(packed):
    """Build the network as the card tells, without the package's own way of loading."""
    known = packed.card.network
    network = create(packed.card.model, **{**known, "image_size": tuple(known["image_size"])})
    network.load_state_dict(packed.tensors)
    return network


def judged(model, name):
    """Judge own weights on the digits that were held out."""
    packed = own_weights(model, name)
    p = Preprocess.from_json(packed.card.preprocess)
    data = open_dataset("digits", DataOptions(image_size=p.image_size, channels=p.channels, resize=p.resize))
    data = judged_by(data, packed.card.classes, p)
    network = judged_network(packed)
    part = data.parts["test"]
    loader = Loader(part, p, Order(len(part), 32, seed=None))
    found = scores(network.to(memory_format=torch.channels_last), loader, torch.device("cpu"))
    return data, found, measure(found.double().softmax(1), torch.from_numpy(part.labels), data.classes)


@own_ones
def test_they_are_as_good_as_their_card_says(model, name):
    """The accuracy to the image, the cross-entropy to a millionth; on the data whose fingerprint the card has."""
    card = own_weights(model, name).card
    data, _, metrics = judged(model, name)
    assert data.fingerprint == card.data["fingerprint"]
    assert (metrics.samples, metrics.accuracy) == (card.metrics["samples"], card.metrics["accuracy"])
    assert metrics.macro.f1 == pytest.approx(card.metrics["macro_f1"], abs=1e-12)
    assert metrics.cross_entropy == pytest.approx(card.metrics["cross_entropy"], abs=1e-6)
    assert metrics.accuracy > 0.98


@own_ones
def test_judged_twice_they_give_the_same_bits(model, name):
    """Nothing in it is drawn."""
    assert torch.equal(judged(model, name)[1], judged(model, name)[1])


@own_ones
def test_a_network_is_created_with_them(model, name):
    """For its own channels and size, every tensor of them; for other classes all but the head."""
    packed = own_weights(model, name)
    network = create(model, weights=name)
    assert all(torch.equal(t, packed.tensors[key]) for key, t in network.state_dict().items())
    assert sum(p.numel() for p in network.parameters()) == sum(p.numel() for p in judged_network(packed).parameters())
    tuned = create(model, weights=name, classes=3)
    other = tuned.state_dict()
    fresh = [
        key
        for key, t in other.items()
        if t.shape != packed.tensors[key].shape or not torch.equal(t, packed.tensors[key])
    ]
    assert fresh == [key for key, t in other.items() if t.shape != packed.tensors[key].shape]
    assert (network.left_out, tuned.left_out) == ((), tuple(fresh))
    assert len(fresh) == 2


@own_ones
def test_no_network_is_touched(model, name, monkeypatch):
    """They are files of the package."""

    def refuse(*_, **__):
        raise AssertionError("a socket was made")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    assert own_weights(model, name).card.model == model


def test_together_they_are_small():
    """Under 2 MB, cards and all; every file belongs to a row of the table."""
    files = [path for path in FOLDER.iterdir() if path.suffix not in {".py", ""}]
    assert sum(path.stat().st_size for path in files) < LIMIT_BYTES
    suffixes = (".safetensors", ".json", ".md")
    assert {path.name for path in files} == {f"{model}-{name}{s}" for model, name in NAMES for s in suffixes}


@own_ones
def test_the_page_is_the_card(model, name):
    """What a person reads is what a program reads."""
    card = own_weights(model, name).card
    assert (FOLDER / f"{model}-{name}.md").read_text() == str(card)
    assert (card.model, card.name, card.licence) == (model, name, "Apache-2.0")
    assert card.data["licence"] == LICENCES["digits"]
    assert "CC BY 4.0; E. Alpaydin and C. Kaynak" in card.data["licence"]
    assert card.recipe["train"]["seed"] == 0


@pytest.mark.refusal
def test_another_function_of_the_same_tensors_is_refused():
    """A plain network has all of option A's tensors."""
    assert create("resnet20", weights="digits", shortcut="A").left_out == ()
    with pytest.raises(OptionError) as error:
        create("resnet20", weights="digits", shortcut="none")
    assert str(error.value) == (
        "weights: resnet20 digits was trained with shortcut='A'.\n"
        "  shortcut  'none'\nLeave shortcut out, or leave the weights out."
    )


@pytest.mark.refusal
@pytest.mark.parametrize(("model", "name"), [("lenet5", "letters"), ("resnet32", "digits")])
def test_what_there_is_not_lists_what_there_is(model, name):
    """By network and name."""
    with pytest.raises(OptionError) as error:
        own_weights(model, name)
    assert str(error.value) == (
        f"weights: {model} has no weights called {name!r} in the package.\n"
        "There are: digits for lenet5, digits for resnet20."
    )
