"""train.device: the machine's best device, or the one that was asked for, or a clear word."""

import pytest
import torch
from torch import nn

from striate.engine import accelerated
from striate.errors import OptionError
from striate.train import device_named, placed
from striate.train.device import _AVAILABLE


@pytest.fixture
def machine(monkeypatch):
    """Give `machine(*names)`: pretend that these are all the devices."""

    def pretend(*names):
        for name in _AVAILABLE:
            monkeypatch.setitem(_AVAILABLE, name, lambda name=name: name in names)

    return pretend


@pytest.mark.parametrize(
    ("names", "best"),
    [(("cpu",), "cpu"), (("cuda", "cpu"), "cuda"), (("mps", "cpu"), "mps"), (("cuda", "mps", "cpu"), "cuda")],
)
def test_auto_takes_the_best(machine, names, best):
    """Cuda before mps before cpu."""
    machine(*names)
    assert device_named("auto") == torch.device(best)


@pytest.mark.parametrize("name", ["cuda", "mps", "cpu"])
def test_a_device_that_is_there_is_taken(machine, name):
    """Whatever else there is."""
    machine("cuda", "mps", "cpu")
    assert device_named(name) == torch.device(name)


def test_this_machine_has_a_cpu():
    """The real table, not a pretended one."""
    assert device_named("cpu") == torch.device("cpu")
    torch.zeros(1, device=device_named("auto"))


@pytest.mark.parametrize(("device", "by_engine"), [("cpu", True), ("cpu", False), ("meta", True), ("meta", False)])
def test_the_engine_convolves_on_the_processor_if_that_is_asked_for(device, by_engine):
    """The network itself is moved; channels lie last; nowhere else is there an engine."""
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU())
    names = list(model.state_dict())
    assert placed(model, torch.device(device), by_engine=by_engine) is model
    assert model[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert model[0].weight.device.type == device
    assert accelerated(model) == ["0"] * (device == "cpu" and by_engine)
    assert list(model.state_dict()) == names


@pytest.mark.refusal
@pytest.mark.parametrize("name", ["mps", "gpu", "", "cuda:0"])
def test_a_device_that_is_not_there_is_refused(machine, name):
    """The message lists those that are."""
    machine("cuda", "cpu")
    with pytest.raises(OptionError) as error:
        device_named(name)
    assert str(error.value) == (
        f"device: there is no {name!r} here.\n  device  {name}\nChoose one of: auto, cuda, cpu."
    )
