"""evaluate.scores: a network's scores, sample by sample, however they are batched."""

import pytest
import torch

from striate.data import DataOptions, open_dataset
from striate.data.loader import Loader
from striate.data.order import Order
from striate.evaluate.scores import scores
from striate.models import create

CPU = torch.device("cpu")


@pytest.fixture
def network(tiny):
    """Normalisation and dropout: what differs between training and judging."""
    return create(tiny, classes=10).train()


def loader(batch_size, *, workers=0):
    """The test part of the digits, in order."""
    dataset = open_dataset("digits", DataOptions(image_size=(8, 8)))
    part = dataset.parts["test"]
    return Loader(part, dataset.preprocess, Order(len(part), batch_size, seed=None), workers=workers)


def test_they_are_the_network_s_own(network):
    """As it gives them in evaluation mode for all images at once, in the part's order."""
    whole = next(loader(1000).batches(0, 1))
    assert whole.indices.tolist() == list(range(359))
    network.eval()
    with torch.no_grad():
        expected = network(whole.images)
    torch.testing.assert_close(scores(network, loader(1000), CPU), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 0), (7, 0), (64, 2)])
def test_batches_change_nothing(batch_size, workers, network):
    """Nor do workers."""
    found = scores(network, loader(batch_size, workers=workers), CPU)
    torch.testing.assert_close(found, scores(network, loader(1000), CPU), rtol=0, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_as_it_was(training, network):
    """Its mode and its running statistics, whether it comes to the end or not."""
    network.train(training)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    scores(network, loader(64), CPU)
    assert scores(network, loader(64), CPU, should_stop=lambda: True) is None
    assert network.training is training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_it_stops_before_the_next_batch(network):
    """When asked in the middle, there is no result."""
    asked = []
    assert scores(network, loader(64), CPU, should_stop=lambda: len(asked) == 2 or bool(asked.append(1))) is None
    assert len(asked) == 2


def test_an_error_leaves_the_network_as_it_was(network):
    """Training may go on after it."""
    with pytest.raises(ZeroDivisionError):
        scores(network, loader(64), CPU, should_stop=lambda: bool(1 / 0))
    assert network.training
