"""explain.export: a model's code becomes operators, or it is said why not."""

import logging

import pytest
import torch
from torch import nn

from striate.errors import CaptureError, DtypeError, OptionError
from striate.explain.export import exported
from striate.models import create

pytestmark = pytest.mark.traced


def test_the_engines_convolution_becomes_pytorchs():
    """Only operators that any method knows remain."""
    graph = exported(create("lenet5"), torch.zeros(1, 1, 32, 32)).graph.graph
    names = {str(node.target) for node in graph.nodes if node.op == "call_function"}
    assert "aten.conv2d.default" in names
    assert not any("striate" in name or name.endswith("_.default") for name in names)


def test_attention_keeps_its_gradient():
    """PyTorch's fused layer for inference, which has none, is not taken, and is allowed again afterwards."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval().requires_grad_(False)
    graph = exported(layer, torch.zeros(2, 5, 8)).graph.graph
    assert not any("encoder" in str(node.target) for node in graph.nodes)
    assert torch.backends.mha.get_fastpath_enabled()


def test_constants_of_the_code_are_kept():
    """Tensors that a model holds without registering them, and those that its code makes."""

    class Shifted(nn.Module):
        def __init__(self):
            super().__init__()
            self.mean = torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1)

        def forward(self, x):
            return (x - self.mean) * torch.tensor([2.0])

    found = exported(Shifted(), torch.zeros(1, 3, 4, 4))
    assert sorted(tensor.flatten().tolist() for tensor in found.tensors.values()) == [[1.0, 2.0, 3.0], [2.0]]


def test_a_reparametrized_weight_is_followed():
    """Weights that are computed from others stay so."""
    layer = nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 2, 3))
    found = exported(layer, torch.zeros(1, 1, 5, 5))
    assert any("original" in name for name in found.tensors)


@pytest.mark.refusal
def test_code_that_looks_at_numbers_is_refused():
    """The error says what a model has to be."""

    class Looks(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(CaptureError) as error:
        exported(Looks(), torch.zeros(1, 1, 5, 5))
    said = str(error.value).splitlines()
    assert said[:3] == [
        "capture: this model cannot be followed operation by operation.",
        "  model    Looks",
        "  example  1 x 1 x 5 x 5",
    ]
    assert said[3].startswith("  reason   ")
    assert said[4] == (
        "What it computes has to be a function of one batch of images of this size, the same for any number of them "
        "and whatever is in them. Pass such a part of it."
    )


@pytest.mark.refusal
def test_code_for_one_number_of_examples_is_refused():
    """What is made for two images would be wrong for one."""

    class Two(nn.Module):
        def forward(self, x):
            return x.reshape(2, -1)

    with pytest.raises(CaptureError, match="cannot be followed"):
        exported(Two(), torch.zeros(2, 1, 5, 5))


@pytest.mark.refusal
def test_what_is_no_batch_is_refused():
    """A single image has no axis of examples."""
    with pytest.raises(OptionError) as error:
        exported(nn.Identity(), torch.zeros(5, 5))
    assert str(error.value) == (
        "capture: the example is not a batch.\n"
        "  example  (5, 5)\n"
        "Pass images as (N, C, H, W), one at least; sequences and volumes likewise."
    )


@pytest.mark.refusal
def test_other_numbers_than_the_models_are_refused():
    """In words, whatever the operator that met them said; a model that converts them itself is none of it."""
    with pytest.raises(DtypeError) as error:
        exported(nn.Conv2d(1, 1, 3), torch.zeros(1, 1, 5, 5).double())
    assert str(error.value) == (
        "capture: the images' numbers are of another kind than the model's.\n"
        "  images  torch.float64\n  model   torch.float32\nConvert the images, or the model."
    )

    class Converts(nn.Conv2d):
        def forward(self, input):  # noqa: A002 - PyTorch's name
            return super().forward(input.float())

    assert exported(Converts(1, 1, 3), torch.zeros(1, 1, 5, 5).double()).parameters


@pytest.mark.refusal
def test_a_refusal_is_the_error_alone(capfd):
    """PyTorch's own account of the trace is kept from the terminal; its loggers speak again afterwards."""

    class Looks(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    for model in (Looks(), nn.Sequential(nn.Flatten(), nn.Linear(3, 2))):
        with pytest.raises(CaptureError):
            exported(model, torch.zeros(1, 1, 5, 5))
    assert capfd.readouterr().err == ""
    assert not logging.getLogger("torch._subclasses.fake_tensor").disabled
