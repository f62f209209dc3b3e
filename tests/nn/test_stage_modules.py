"""nn.stage_modules: the stages of a network hold all of it."""

import pytest
import torch
from torch import nn

from striate.models import MODELS, create
from striate.nn import Classifier
from striate.nn.stage_modules import stage_modules


class Shared(Classifier):
    """Two stages that call one layer."""

    maps = "first"

    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.fc = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Linear(3, 2)

    def stages(self):
        return {
            "first": lambda x: self.bn(self.conv(x)),
            "second": lambda x: self.conv(x).mean((2, 3)),
            "none": lambda x: x + 1,
            "fc": self.fc,
        }


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_and_buffer_belongs_to_a_stage(name):
    """What is frozen, or learns slowly, stage by stage is the whole network."""
    entry = MODELS[name]
    network = create(name)
    stages = stage_modules(network, (entry.channels, *entry.image_size))
    assert list(stages) == list(network.stages())
    held = {id(t) for names in stages.values() for n in names for t in own(network.get_submodule(n))}
    lost = [name for name, tensor in network.state_dict(keep_vars=True).items() if id(tensor) not in held]
    assert not lost


def own(module):
    """The tensors of a module itself."""
    return [*module.parameters(recurse=False), *module.buffers(recurse=False)]


def test_a_stage_lists_what_it_calls():
    """In the order of the calls, each once; a layer of two stages is in both, and a stage of no layer is empty."""
    assert stage_modules(Shared(), (3, 4, 4)) == {
        "first": ("conv", "bn"),
        "second": ("conv",),
        "none": (),
        "fc": ("fc",),
    }


def test_the_network_is_left_as_it_is():
    """Its weights, its statistics, its mode and its hooks; and no random number is drawn."""
    network = Shared().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state = torch.get_rng_state()
    stage_modules(network, (3, 4, 4))
    assert network.training
    assert torch.equal(torch.get_rng_state(), state)
    assert not network.conv._forward_pre_hooks
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name
