"""models.create(weights=...): a network with published weights, if they are on this machine."""

import dataclasses

import pytest
import torch
from published_files import described, state_dict, write_torch

import striate
from striate.errors import OptionError, WeightsError
from striate.models import create
from striate.models.weights import fetch, table


@pytest.fixture
def row(tmp_path, monkeypatch, cache):
    """A row of the table; its file was put into the cache by hand."""
    cache.mkdir(parents=True)
    found = described(write_torch(cache / "net.pth", state_dict()))
    monkeypatch.setattr(table, "WEIGHTS", (found, dataclasses.replace(found, name="other")))
    return found


def test_a_network_is_made_with_the_weights(row):
    """All of them; and what was put there by hand is converted on the way."""
    network, content = create("lenet5", weights="test"), state_dict()
    assert all(torch.equal(tensor, content[name]) for name, tensor in network.state_dict().items())


def test_other_classes_are_a_fresh_head(row):
    """And everything else is the weights'."""
    network = create("lenet5", weights="test", classes=3)
    assert network.output.weight.shape == (3, 84)
    assert network.left_out == ("output.weight", "output.bias")
    assert torch.equal(network.F6.weight, state_dict()["F6.weight"])


@pytest.mark.refusal
def test_weights_that_are_not_here_are_not_fetched(row, cache):
    """The guard around the tests would notice; the message says how to get them."""
    (cache / "net.pth").unlink()
    with pytest.raises(WeightsError, match="is not on this machine, and nothing is fetched unless you ask for it"):
        create("lenet5", weights="test")


def test_what_was_fetched_is_used(row):
    """The one verb that may use the network is another."""
    fetch(row)
    assert torch.equal(create("lenet5", weights="test").C1.weight, state_dict()["C1.weight"])


@pytest.mark.refusal
def test_unknown_weights_list_the_known_ones(row):
    """Of the network; or the networks that have any."""
    with pytest.raises(OptionError) as error:
        create("lenet5", weights="best")
    assert str(error.value) == (
        "weights: none for lenet5 are called 'best'.\n  weights  best\nChoose one of: test, other."
    )
    with pytest.raises(OptionError) as error:
        create("resnet32", weights="best")
    assert str(error.value) == (
        "weights: nobody has published weights for 'resnet32', as far as the table knows.\n"
        "  model  resnet32\n"
        "Choose one of: lenet5."
    )
    with pytest.raises(OptionError) as error:
        create("resnet20", weights="best")
    assert str(error.value) == (
        "weights: resnet20 has no weights called 'best' in the package.\n"
        "There are: digits for lenet5, digits for resnet20."
    )


def test_the_error_is_public():
    """For those who want to catch it."""
    assert striate.WeightsError is WeightsError
