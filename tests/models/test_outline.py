"""models.outline: a row a stage, written as the papers write it, and nothing lost between the stages."""

import pytest
import torch
from torch import nn

from striate.errors import ShapeError
from striate.models import MODELS, LeNet5, create, outline, summary
from striate.nn import Classifier

# What the papers' tables say: He et al. 2016, table 1 and section 4.2; LeCun et al. 1998, figure 2.
WRITTEN = {
    "lenet5": [
        "5x5, 6",
        "2x2 max pool, stride 2",
        "5x5, 16",
        "2x2 max pool, stride 2",
        "5x5, 120",
        "84-d fc",
        "10-d fc",
    ],
    "resnet34": [
        "7x7, 64, stride 2",
        "3x3 max pool, stride 2; [3x3, 64; 3x3, 64] x 3",
        "[3x3, 128; 3x3, 128] x 4, stride 2",
        "[3x3, 256; 3x3, 256] x 6, stride 2",
        "[3x3, 512; 3x3, 512] x 3, stride 2",
        "average pool",
        "1000-d fc",
    ],
    "resnet152": [
        "7x7, 64, stride 2",
        "3x3 max pool, stride 2; [1x1, 64; 3x3, 64; 1x1, 256] x 3",
        "[1x1, 128; 3x3, 128; 1x1, 512] x 8, stride 2",
        "[1x1, 256; 3x3, 256; 1x1, 1024] x 36, stride 2",
        "[1x1, 512; 3x3, 512; 1x1, 2048] x 3, stride 2",
        "average pool",
        "1000-d fc",
    ],
    "plain20": [
        "3x3, 16",
        "[3x3, 16; 3x3, 16] x 3",
        "[3x3, 32; 3x3, 32] x 3, stride 2",
        "[3x3, 64; 3x3, 64] x 3, stride 2",
        "average pool",
        "10-d fc",
    ],
}
# Table 1's last line, in billions of multiply-adds.
BILLIONS = {"resnet18": 1.8, "resnet34": 3.6, "resnet50": 3.8, "resnet101": 7.6, "resnet152": 11.3}


def drawn(name, **options):
    """Outline a network of the table, for the paper's images."""
    entry = MODELS[name]
    with torch.device("meta"):
        network = create(name, **options)
    return outline(network, (entry.channels, *entry.image_size)), network


@pytest.mark.parametrize("name", WRITTEN)
def test_stages_are_written_as_in_the_paper(name):
    """Name by name, layer by layer."""
    assert [row.kind for row in drawn(name)[0].rows] == WRITTEN[name]


@pytest.mark.parametrize("name", MODELS)
def test_the_stages_are_the_network(name):
    """A row each, with the parameters and multiply-adds that the layers have in all."""
    found, network = drawn(name)
    layers = summary(network, found.input_size)
    assert [row.name for row in found.rows] == list(network.stages())
    assert (found.parameters, found.multiply_adds) == (layers.parameters, layers.multiply_adds)
    assert found.rows[-1].output_shape == (MODELS[name].classes,)


@pytest.mark.parametrize("name", BILLIONS)
def test_multiply_adds_are_the_paper_s(name):
    """Within a twentieth; what the paper counts beside convolutions it does not say."""
    assert drawn(name)[0].multiply_adds / 1e9 == pytest.approx(BILLIONS[name], rel=0.05)


def test_shortcuts_are_counted_and_not_written():
    """The paper's table has the same brackets for every option."""
    (a, _), (c, _) = drawn("resnet50", shortcut="A"), drawn("resnet50", shortcut="C")
    assert [row.kind for row in a.rows] == [row.kind for row in c.rows]
    assert c.parameters - a.parameters == 40_128_552 - 22_780_456


class Odd(Classifier):
    """Stages that have no layer of their own, or one that no paper has a word for; and a parameter that none uses."""

    maps = "body"

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(2, 4, 3, dilation=2, groups=2), nn.PReLU(), nn.LocalResponseNorm(3))
        self.fc, self.spare = nn.Linear(4, 5), nn.Parameter(torch.zeros(7))

    def stages(self):
        return {
            "body": self.body,
            "halved": lambda x: nn.functional.max_pool2d(x, 2),
            "drop": nn.functional.dropout,
            "fc": lambda x: self.fc(x.mean((2, 3))),
        }


def test_any_network_has_an_outline():
    """Functions are written as layers are; what has no word, by its kind; what no stage uses comes last."""
    rows = outline(Odd(), (2, 12, 12)).rows
    assert [(row.name, row.kind, row.parameters) for row in rows] == [
        ("body", "3x3, 4, dilation 2, groups 2; PReLU; response norm", 41),
        ("halved", "2x2 max pool, stride 2", 0),
        ("drop", "", 0),
        ("fc", "5-d fc", 25),
        ("unused", "Parameter", 7),
    ]
    assert [row.receptive_field for row in rows[:2]] == [(5, 5), (6, 6)]


def test_the_network_is_left_as_it_was():
    """Mode and weights; its hooks are not called."""
    network, called = LeNet5(), []
    network.C1.register_forward_hook(lambda *_: called.append(1))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    outline(network, (1, 32, 32))
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert network.training
    assert called == []


@pytest.mark.refusal
def test_a_size_that_the_network_cannot_take_is_explained():
    """The network is named, not what it was wrapped in."""
    with pytest.raises(ShapeError) as error:
        outline(LeNet5(), (3, 32, 32))
    assert str(error.value) == (
        "summary: the model cannot take an input of this size.\n"
        "  model       LeNet5\n"
        "  input_size  C=3 H=32 W=32\n"
        "  layer       C1: Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))\n"
        "  given       3 x 32 x 32\n"
        f"  reason      {error.value.__cause__}\n"
        "Pass the channels, height and width that the model was made for, or make one for this size."
    )
