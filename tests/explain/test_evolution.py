"""explain.evolution: the same search, over the weights of a run."""

from dataclasses import asdict

import pytest
import torch
from torch import nn

from striate.errors import CheckpointError
from striate.explain.evolution import evolution, weights_of
from striate.explain.top_activations import top_activations
from striate.explain.views import views
from striate.train import Checkpoint, Run
from striate.train.loop import State


def test_each_epoch_is_searched_with_its_own_weights(small):
    """As if the network of that epoch had been captured; its views too."""
    images = torch.randn(5, 3, 16, 16, dtype=torch.float64)
    weights = [(epoch, {"3.weight": torch.randn(8, 6, 3, 3, dtype=torch.float64)}) for epoch in (1, 7)]
    found = list(evolution(small.network, weights, images, ["4"]))
    assert [epoch.epoch for epoch in found] == [1, 7]
    for epoch, (_, tensors) in zip(found, weights, strict=True):
        want = top_activations(small.network.with_tensors(tensors), images, ["4"], k=1)
        assert all(torch.equal(a, b) for a, b in zip(epoch.top.found["4"], want.found["4"], strict=True))
        assert next(views(epoch.network, images, epoch.top, "4")).rank == 0
    assert found[0].top.of("4", 0) != found[1].top.of("4", 0)


def test_kept_epochs_come_in_the_order_of_training(tmp_path):
    """Of averaged weights those that are judged."""
    run, net = Run(tmp_path), nn.Conv2d(1, 1, 1)
    for epochs in (12, 1):
        tensors = {"model": net.state_dict(), "average": {"weight": torch.full((1, 1, 1, 1), float(epochs))}}
        run.checkpoints.keep(Checkpoint(tensors, asdict(State(epochs=epochs)), {}), epoch=epochs)
    assert [(epoch, float(tensors["weight"])) for epoch, tensors in weights_of(run)] == [(1, 1.0), (12, 12.0)]


@pytest.mark.refusal
def test_a_run_that_kept_no_epoch_is_refused(tmp_path):
    """The message says how to keep some."""
    with pytest.raises(CheckpointError) as error:
        list(weights_of(Run(tmp_path)))
    assert str(error.value) == (
        f"evolution: {tmp_path} has kept the weights of no epoch.\n"
        "Train with --keep-epochs, such as --keep-epochs 1 2 5 10."
    )
