"""evaluate.pack: a run's network as files that say what they are, and that training can begin with."""

import hashlib
import json

import pytest
import torch

from striate.errors import OptionError
from striate.evaluate import evaluate, load, pack
from striate.models.weights import read_packed
from striate.recipes import train
from striate.train import Where

QUIET = Where(progress="none", threads=1)


@pytest.fixture
def run(tiny, pictures, tmp_path):
    """A run on two classes."""
    data = pictures({"ant": 10, "bee": 10})
    return train(data, model=tiny, out=tmp_path / "runs", where=QUIET, epochs=2, batch_size=8, seed=5)


def test_the_weights_are_those_that_are_used(run):
    """The average's, bit for bit, and the digest is the file's."""
    path = pack(run, where=QUIET)
    packed = read_packed(path)
    assert path == run.path / "tiny-data.safetensors"
    assert packed.card.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    for name, tensor in load(run).model.state_dict().items():
        assert torch.equal(tensor, packed.tensors[name]), name


def test_the_card_tells_what_the_run_knows(run, tmp_path):
    """Data, recipe, seed, metrics, licences, versions, command; in strict JSON and on a page."""
    path = pack(run, tmp_path / "zoo/ants.safetensors", name="ants", licence="MIT", data_licence="ours", where=QUIET)
    document = json.loads(path.with_suffix(".json").read_text(), parse_constant=pytest.fail)
    card = read_packed(path).card
    found = evaluate(run, where=QUIET)
    assert card.to_json() == document
    assert (card.model, card.name, card.licence, card.data["licence"]) == ("tiny", "ants", "MIT", "ours")
    assert card.classes == ("ant", "bee")
    assert card.network == {"classes": 2, "in_channels": 1, "image_size": [8, 8]}
    assert card.recipe == run.about["recipe"]
    assert card.recipe["train"]["seed"] == 5
    assert card.data["fingerprint"] == run.about["data"]["fingerprint"]
    assert (card.metrics["part"], card.metrics["accuracy"]) == (found.part, found.metrics.accuracy)
    assert (card.command, card.versions) == (run.about["command"], run.about["versions"])
    assert path.with_suffix(".md").read_text() == str(card)


def test_what_nobody_said_is_not_made_up(run):
    """A licence is stated, or it is not."""
    card = read_packed(pack(run, where=QUIET)).card
    assert (card.licence, card.data["licence"]) == ("not stated", "not stated")


@pytest.mark.refusal
def test_another_kind_of_file_is_refused(run, tmp_path):
    """Before anything is judged or written."""
    with pytest.raises(OptionError) as error:
        pack(run, tmp_path / "ants.pth", where=QUIET)
    assert str(error.value) == (
        f"pack: the file of the weights ends in .safetensors.\n  out  {tmp_path / 'ants.pth'}\nName another file."
    )
    assert not (run.path / "metrics.json").exists()
