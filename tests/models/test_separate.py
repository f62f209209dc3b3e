"""models.separate: a model's layers become separable where that pays."""

import importlib

import pytest
import torch
from torch import nn

from striate import separate
from striate.errors import NonFiniteError, OptionError, ShapeError
from striate.models import create
from striate.nn import Conv2d, Conv3d, SeparableConv2d, SeparableConv3d

# The name striate.models.separate is the function, not the module.
MODULE = importlib.import_module("striate.models.separate")


def blurred(layer):
    """Give a layer kernels that are outer products, and nearly so."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        taps = torch.tensor([1.0, 2.0, 1.0])
        plane = taps[:, None] * taps if layer.weight.dim() == 4 else taps[:, None, None] * taps[:, None] * taps
        layer.weight.copy_(plane.expand_as(layer.weight))
        layer.weight.add_(0.01 * torch.randn(layer.weight.shape, generator=generator))
    return layer


@pytest.mark.parametrize(
    ("layer", "becomes", "shape"),
    [
        (nn.Conv2d(6, 8, 3, stride=2, padding=1), SeparableConv2d, (2, 6, 9, 11)),
        (Conv2d(6, 8, 3, padding="same", groups=2), SeparableConv2d, (2, 6, 9, 11)),
        (nn.Conv3d(6, 8, 3, bias=False), SeparableConv3d, (2, 6, 5, 6, 7)),
        (Conv3d(6, 8, 3), SeparableConv3d, (1, 6, 5, 6, 7)),
    ],
)
def test_a_layer_comes_near_and_takes_less(layer, becomes, shape):
    """Within the tolerance, the original untouched; the output's error is of the kernel's size."""
    layer = blurred(layer)
    weight = layer.weight.detach().clone()
    found = separate(layer, tolerance=0.05)
    assert type(found.model) is becomes
    (row,) = found.layers
    assert (row.pays, row.seconds, found.error) == (True, None, None)
    assert row.factors.error <= 0.05
    assert row.gain == pytest.approx(weight.numel() / sum(f.numel() for f in found.model.factors))
    assert torch.equal(layer.weight, weight)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    want, got = layer(x), found.model(x)
    assert got.shape == want.shape
    assert (got - want).norm() <= 0.1 * want.norm()


def test_what_gains_nothing_stays():
    """Noise has full rank; a row of taps and a point have nothing to take apart and are not listed."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, (1, 5)), nn.Conv2d(8, 8, 1), nn.Linear(3, 3))
    found = separate(model, tolerance=0.01)
    assert [(row.name, row.pays) for row in found.layers] == [("0", False)]
    assert [type(module) for module in found.model] == [type(module) for module in model]
    assert str(found).endswith("as it was\n0 of 1 layers are separable now")


def test_a_layer_used_twice_is_exchanged_in_both_places():
    """And is one layer still; subclasses are left alone, for they may convolve in another way."""

    class Own(nn.Conv2d):
        pass

    shared = blurred(nn.Conv2d(4, 4, 3, padding=1))
    model = nn.ModuleDict({"a": nn.Sequential(shared, nn.ReLU(), shared), "own": blurred(Own(4, 4, 3))})
    found = separate(model, tolerance=0.05)
    assert isinstance(found.model.get_submodule("a.0"), SeparableConv2d)
    assert found.model.get_submodule("a.0") is found.model.get_submodule("a.2")
    assert type(found.model["own"]) is Own
    assert [row.name for row in found.layers] == ["a.0"]


def test_times_decide_where_a_size_is_given(monkeypatch):
    """Slower is not worth while, whatever the multiply-adds say; training modes and hooks are left as they were."""
    seconds = iter([{"before": 2.0, "after": 1.0}, {"before": 1.0, "after": 2.0}])
    seen = []

    def raced(runners):
        seen.append([run().shape for run in runners.values()])
        return type("Finish", (), {"seconds": next(seconds)})

    monkeypatch.setattr(MODULE, "race", raced)
    model = nn.Sequential(blurred(nn.Conv2d(3, 4, 3)), nn.Dropout(), blurred(nn.Conv2d(4, 4, 3))).train()
    told = []
    found = separate(model, 0.05, (2, 3, 9, 9), told=lambda done, total: told.append((done, total)))
    assert [(row.gain, row.pays) for row in found.layers] == [(2.0, True), (0.5, False)]
    assert seen == [[(2, 4, 7, 7)] * 2, [(2, 4, 5, 5)] * 2]
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert all(module.training and not module._forward_pre_hooks for module in found.model.modules())
    assert 0 < (found.error or 0) < 0.1
    assert "2e+03 to 1e+03" in str(found)


def test_a_trained_network_keeps_its_answers():
    """ResNet-20 on the digits: within a small error the same classes."""
    model = create("resnet20", weights="digits").eval()
    found = separate(model, 0.02, (2, 1, 32, 32))
    assert (found.error or 0) < 0.1
    assert len(found.layers) == 19


def test_what_is_frozen_stays_so_and_what_is_watched_is_left_alone():
    """A layer with a hook would lose it; one that is called by name is seen; an output of zeros differs by nothing."""

    class ByName(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = blurred(nn.Conv2d(3, 4, 3)).requires_grad_(False)
            self.watched = blurred(nn.Conv2d(4, 4, 3))

        def forward(self, x):
            return self.watched(input=self.conv(input=x)) * 0

    model = ByName()
    model.watched.register_forward_hook(lambda *_: None)
    found = separate(model, 0.05, (1, 3, 9, 9))
    assert [row.name for row in found.layers] == ["conv"]
    assert found.error == 0
    found = separate(model, 0.05)
    assert not any(p.requires_grad for p in found.model.conv.parameters())


@pytest.mark.refusal
def test_what_cannot_be_is_said():
    """A tolerance below nothing, an input that does not fit, numbers that are none."""
    layer = nn.Conv2d(3, 4, 3)
    with pytest.raises(OptionError) as error:
        separate(layer, -0.1)
    assert str(error.value) == "separate: tolerance is negative.\n  tolerance  -0.1\nGive 0 or more."
    with pytest.raises(ShapeError) as error:
        separate(layer, 0.1, (1, 2, 9, 9))
    assert str(error.value).startswith(
        "separate: the model does not take such an input.\n  input_size  (1, 2, 9, 9)\n  reason      Given groups=1"
    )
    assert str(error.value).endswith("\nGive the input's whole size, the axis of examples included.")
    with torch.no_grad():
        layer.weight[0, 0, 0, 0] = torch.nan
    with pytest.raises(NonFiniteError):
        separate(layer, 0.1)
