"""nn.separable: the layer is the function, starts as a dense one does, and comes from a trained one."""

import pytest
import torch
from torch import nn

from striate.errors import OptionError, ShapeError
from striate.nn.conv import Conv2d, Conv3d
from striate.nn.conv_transpose import ConvTranspose2d
from striate.nn.separable import SeparableConv2d, SeparableConv3d
from striate.nn.unshared import UnsharedConv2d
from striate.ops.conv import conv2d, conv3d
from striate.ops.separate import separate

DENSE = {SeparableConv2d: conv2d, SeparableConv3d: conv3d}
layers = pytest.mark.parametrize(("kind", "rank"), [(SeparableConv2d, 2), (SeparableConv3d, 3)])
SETTINGS = {"stride": 2, "padding": "same", "dilation": 2, "groups": 2, "padding_mode": "replicate"}


@layers
def test_is_the_dense_convolution_with_what_it_composes(kind, rank):
    """All settings arrive at the function."""
    layer, x = kind(4, 6, 3, **SETTINGS, rank=3), torch.randn(2, 4, *[9] * rank)
    torch.testing.assert_close(layer(x), DENSE[kind](x, layer.composed(), layer.bias, **SETTINGS))


@layers
@pytest.mark.parametrize(("groups", "terms"), [(1, 1), (1, 8), (4, 2), (8, 1)])
def test_starts_as_a_dense_layer_does(kind, rank, groups, terms):
    """The composed kernel has the variance of PyTorch's convolutions, 1/(3 · inputs of a unit), bias included."""
    kernels, offsets = [], []
    for _ in range(300):
        layer = kind(8, 16, (3, 5, 3)[:rank], groups=groups, rank=terms)
        kernels.append(layer.composed().detach())
        offsets.append(layer.bias.detach())
    inputs = kernels[0][0].numel()
    torch.testing.assert_close(torch.stack(kernels).square().mean().item(), 1 / (3 * inputs), rtol=0.15, atol=0)
    assert max(offset.abs().max() for offset in offsets) <= inputs**-0.5


@layers
def test_signals_keep_the_strength_that_a_dense_layer_gives_them(kind, rank):
    """The output's variance for noise is that of PyTorch's layer."""
    x, dense = torch.randn(4, 16, *[7] * rank), {2: nn.Conv2d, 3: nn.Conv3d}[rank]
    powers = [
        torch.stack([make()(x).var().detach() for _ in range(20)]).mean()
        for make in (lambda: kind(16, 32, 3, bias=False, rank=16), lambda: dense(16, 32, 3, bias=False))
    ]
    torch.testing.assert_close(*powers, rtol=0.2, atol=0)


CONVS = [
    lambda: nn.Conv2d(4, 6, (3, 2), 2, 1, 2, 2, padding_mode="reflect"),
    lambda: nn.Conv2d(4, 6, 4, padding="same", dilation=2, bias=False),
    lambda: nn.Conv3d(4, 6, (1, 3, 2), 2, 1, groups=2),
    lambda: Conv2d(4, 6, 3, 2, padding=[(0, 2), (1, 0)], flip=True),
    lambda: Conv2d(4, 6, 3, padding="full", bias="location", input_size=(9, 9)),
    lambda: Conv3d(4, 6, 2, padding="same", padding_mode="circular"),
    lambda: nn.Conv2d(4, 4, 3, groups=4, dtype=torch.float64),
]


@pytest.mark.parametrize("make", CONVS)
def test_comes_from_a_trained_convolution(make):
    """PyTorch's or ours, with any settings: exact at full rank, and the bias goes along."""
    conv = make().eval()
    kind, rank = (SeparableConv2d, 2) if conv.weight.ndim == 4 else (SeparableConv3d, 3)
    before = torch.get_rng_state()
    layer, _ = kind.from_conv(conv, tolerance=0.0)
    assert torch.equal(before, torch.get_rng_state())
    assert not layer.training
    x = torch.randn(2, 4, *[9] * rank, dtype=conv.weight.dtype)
    torch.testing.assert_close(layer(x), conv(x), rtol=1e-4, atol=1e-5)
    assert (layer.in_channels, layer.out_channels, layer.groups) == (4, conv.out_channels, conv.groups)
    assert all(parameter.requires_grad for parameter in layer.parameters())


def test_comes_as_near_as_separate_says():
    """With fewer terms, the difference is that of the kernels."""
    conv = nn.Conv2d(8, 8, 5)
    layer, report = SeparableConv2d.from_conv(conv, rank=4)
    torch.testing.assert_close(layer.composed(), report.kernel())
    assert layer.rank == report.rank == 4
    assert report.error == separate(conv.weight, 4).error


def test_learns_by_itself_from_there():
    """Neither the convolution it comes from nor the report changes with it."""
    conv = nn.Conv2d(8, 8, 5)
    layer, report = SeparableConv2d.from_conv(conv, rank=4)
    bias, kernel = conv.bias.detach().clone(), report.kernel()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(1)
    assert torch.equal(conv.bias, bias)
    assert torch.equal(report.kernel(), kernel)


@layers
def test_every_parameter_learns(kind, rank):
    """Every factor and the bias receive a gradient that is finite and somewhere not zero."""
    layer = kind(4, 6, 3, groups=2, rank=2)
    layer(torch.randn(2, 4, *[4] * rank)).square().sum().backward()
    assert len(list(layer.parameters())) == rank + 1
    for parameter in layer.parameters():
        assert parameter.grad.isfinite().all()
        assert parameter.grad.abs().max() > 0


@pytest.mark.traced
@layers
def test_is_open_to_compile_and_export(kind, rank):
    """One graph without breaks, and an exported program for any number of examples, give the layer's numbers."""
    torch._dynamo.reset()
    layer, x = kind(4, 6, 3, padding="same", groups=2, rank=2), torch.randn(3, 4, *[5] * rank)
    want = layer(x)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), want)
    compiled(x).sum().backward()
    assert all(p.grad is not None for p in layer.parameters())
    program = torch.export.export(layer, (x,), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    torch.testing.assert_close(program.module()(x), want)
    torch.testing.assert_close(program.module()(x[:2]), want[:2])


def test_a_saved_layer_is_the_same():
    """The factors have names of their own in the state."""
    layer, other = SeparableConv2d(4, 6, 3, rank=2), SeparableConv2d(4, 6, 3, rank=2)
    assert list(layer.state_dict()) == ["bias", "factors.0", "factors.1"]
    other.load_state_dict(layer.state_dict())
    torch.testing.assert_close(other.composed(), layer.composed())


def test_prints_its_settings():
    """The main ones, and those that are not the usual ones."""
    assert SeparableConv2d(4, 6, 3).extra_repr() == "4, 6, kernel_size=(3, 3), stride=(1, 1), rank=1"
    assert SeparableConv3d(4, 6, 3, **SETTINGS, bias=False, rank=5).extra_repr() == (
        "4, 6, kernel_size=(3, 3, 3), stride=(2, 2, 2), padding='same', dilation=(2, 2, 2), groups=2, "
        "padding_mode='replicate', rank=5, bias=False"
    )


NOT_SHARED = "the layer is no convolution with shared kernels over 2 axes"
REFUSALS = [
    (
        "no terms",
        lambda: SeparableConv2d(4, 6, 3, rank=0),
        "SeparableConv2d: rank is less than 1.\n  rank  0\nGive 1 or more.",
    ),
    (
        "a padding mode without a meaning",
        lambda: SeparableConv2d(4, 6, 3, padding_mode="mirror"),
        "SeparableConv2d: no padding mode is called 'mirror'.\n"
        "Choose one of 'zeros', 'reflect', 'replicate', 'circular'.",
    ),
    (
        "groups that do not divide",
        lambda: SeparableConv2d(4, 6, 3, groups=4),
        "SeparableConv2d: groups do not divide out_channels.\n  in_channels   4\n  out_channels  6\n  groups        4\n"
        "Give groups that divide out_channels, or out_channels that are a multiple of 4.",
    ),
    (
        "no step",
        lambda: SeparableConv3d(4, 6, 3, stride=0),
        "SeparableConv3d: stride is less than 1.\n  stride  (0, 0, 0)\nGive 1 or more.",
    ),
    (
        "PyTorch's transpose",
        lambda: SeparableConv2d.from_conv(nn.ConvTranspose2d(4, 6, 3), 1),
        f"SeparableConv2d.from_conv: {NOT_SHARED}.\n  layer   ConvTranspose2d\n  weight  (4, 6, 3, 3)\nPass a Conv2d.",
    ),
    (
        "our transpose",
        lambda: SeparableConv2d.from_conv(ConvTranspose2d(4, 6, 3), 1),
        f"SeparableConv2d.from_conv: {NOT_SHARED}.\n  layer   ConvTranspose2d\n  weight  (4, 6, 3, 3)\nPass a Conv2d.",
    ),
    (
        "a kernel for every place",
        lambda: SeparableConv2d.from_conv(UnsharedConv2d(1, 1, 2, input_size=(3, 3)), 1),
        f"SeparableConv2d.from_conv: {NOT_SHARED}.\n  layer   UnsharedConv2d\n  weight  (2, 2, 1, 1, 2, 2)\n"
        "Pass a Conv2d.",
    ),
    (
        "no weights",
        lambda: SeparableConv2d.from_conv(nn.ReLU(), 1),
        f"SeparableConv2d.from_conv: {NOT_SHARED}.\n  layer   ReLU\n  weight  None\nPass a Conv2d.",
    ),
    (
        "weights of another kind",
        lambda: SeparableConv2d.from_conv(nn.Linear(2, 2), 1),
        f"SeparableConv2d.from_conv: {NOT_SHARED}.\n  layer   Linear\n  weight  (2, 2)\nPass a Conv2d.",
    ),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("call", "message"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_what_makes_no_sense_is_refused(call, message):
    """When the layer is made: the message names the rule, the values and the way out."""
    with pytest.raises((ShapeError, OptionError)) as error:
        call()
    assert str(error.value) == message
