"""models.alexnet_owt: torchvision's network, number for number and name for name."""

import copy
import pickle

import pytest
import safetensors.torch
import torch
from torch import nn
from torchvision_oracle import torchvision

from striate.errors import ShapeError
from striate.models import AlexNetOwt
from striate.models.alexnet_owt import TORCHVISION_NAMES

# Row, output for 3 x 224 x 224, parameters.
TABLE = [
    ("conv1", (64, 55, 55), 23_296),
    ("pool1", (64, 27, 27), 0),
    ("conv2", (192, 27, 27), 307_392),
    ("pool2", (192, 13, 13), 0),
    ("conv3", (384, 13, 13), 663_936),
    ("conv4", (256, 13, 13), 884_992),
    ("conv5", (256, 13, 13), 590_080),
    ("pool5", (256, 6, 6), 0),
    ("average", (256, 6, 6), 0),
    ("fc6", (4096,), 37_752_832),
    ("fc7", (4096,), 16_781_312),
    ("fc8", (1000,), 4_097_000),
]


@pytest.fixture(scope="module")
def ours():
    torch.manual_seed(0)
    return AlexNetOwt().eval()


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(1)
    return torchvision.models.alexnet().eval()


@pytest.fixture
def small():
    return AlexNetOwt(3, in_channels=2).eval()


@pytest.mark.parametrize(("row", "shape", "parameters"), TABLE, ids=[row[0] for row in TABLE])
def test_rows_are_torchvision_s(row, shape, parameters, ours):
    """Each has the output and the parameters of the file's table."""
    with torch.no_grad():
        assert ours.features(torch.zeros(1, 3, 224, 224), until=row).shape[1:] == shape
    assert sum(p.numel() for p in ours.get_submodule(row).parameters()) == parameters


def test_names_and_shapes_are_torchvision_s(ours, theirs):
    """In the same order."""
    shapes = [[(name, t.shape) for name, t in network.state_dict().items()] for network in (ours, theirs)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("size", [(224, 224), (180, 300)], ids=str)
@pytest.mark.parametrize("ours_first", [True, False])
def test_scores_are_torchvision_s(ours_first, size, ours, theirs):
    """Weights copied either way give the same scores, and dropout is where theirs is."""
    source, target = (ours, theirs) if ours_first else (theirs, ours)
    source.load_state_dict({name: t * 1.01 for name, t in source.state_dict().items()})
    target.load_state_dict(source.state_dict())
    x = torch.randn(2, 3, *size)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-5)


def test_dropout_is_torchvision_s(ours, theirs):
    """With the same seed both drop the same units in training."""
    ours.load_state_dict(theirs.state_dict())
    found, x = [], torch.randn(2, 3, 63, 63)
    for network in (ours, theirs):
        torch.manual_seed(2)
        with torch.no_grad():
            found.append(network.train()(x))
        network.eval()
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-5)


COPIES = {
    "deep copy": copy.deepcopy,
    "pickled": lambda network: pickle.loads(pickle.dumps(network)),
    "on no device": lambda network: copy.deepcopy(network).to("meta"),
}


@pytest.mark.parametrize("how", COPIES)
def test_copies_keep_torchvision_s_names(how, small):
    """They are saved and loaded like the original, strictly, with its very tensors if asked to."""
    state, x = small.state_dict(), torch.randn(1, 2, 63, 63)
    other = COPIES[how](small)
    assert list(other.state_dict()) == list(state)
    other.load_state_dict(safetensors.torch.load(safetensors.torch.save(state)), assign=True)
    assert torch.equal(other.eval()(x), small(x))
    assert list(other.state_dict()) == list(state)


def test_a_network_within_another_keeps_its_names(small):
    """The names are relative to where it is."""
    outer = nn.ModuleDict({"backbone": small, "features": nn.ModuleList([nn.Linear(1, 1)])})
    state = outer.state_dict()
    assert "backbone.features.10.weight" in state
    assert "features.0.weight" in state
    assert not outer.load_state_dict({name: tensor + 1 for name, tensor in state.items()}).missing_keys


def test_loading_leaves_what_is_loaded_alone(small):
    """The renaming is of a copy."""
    state = dict(small.state_dict())
    names = list(state)
    small.load_state_dict(state)
    assert list(state) == names


def test_loading_is_strict(small):
    """What is missing and what does not belong is named."""
    state = small.state_dict()
    state["features.1.weight"] = state.pop("features.0.weight")
    with pytest.raises(RuntimeError, match=r'(?s)Missing key.*"conv1.weight".*Unexpected key.*"features.1.weight"'):
        small.load_state_dict(state)


def test_every_layer_with_weights_is_renamed(small):
    """By the table."""
    assert {name.rpartition(".")[0] for name, _ in small.named_parameters()} == set(TORCHVISION_NAMES)


@pytest.mark.refusal
def test_images_that_are_too_small_are_explained(small):
    """Nothing is left of 62 pixels at the last pooling; 63 will do."""
    small(torch.zeros(1, 2, 63, 63))
    with pytest.raises(ShapeError) as error:
        small(torch.zeros(1, 2, 62, 63))
    assert str(error.value) == (
        "max_pool2d: the window is larger than the padded input.\n"
        "  input        (H=2, W=3)\n"
        "  padding      ((0, 0), (0, 0))\n"
        "  window       (R=3, S=3)\n"
        "  kernel_size  (3, 3)\n"
        "  dilation     (1, 1)\n"
        "Pass a larger input, pad more, or use a smaller kernel or dilation."
    )
