"""nn.depthwise_separable: the layer is the function, and starts as a dense one does."""

import pytest
import torch

from striate.errors import OptionError, ShapeError
from striate.nn.depthwise_separable import (
    DepthwiseSeparableConv1d,
    DepthwiseSeparableConv2d,
    DepthwiseSeparableConv3d,
)
from striate.ops.depthwise_separable import (
    depthwise_separable_conv1d,
    depthwise_separable_conv2d,
    depthwise_separable_conv3d,
)

FUNCTIONS = {1: depthwise_separable_conv1d, 2: depthwise_separable_conv2d, 3: depthwise_separable_conv3d}
KINDS = {1: DepthwiseSeparableConv1d, 2: DepthwiseSeparableConv2d, 3: DepthwiseSeparableConv3d}
ranks = pytest.mark.parametrize("rank", [1, 2, 3])


@ranks
def test_is_the_function(rank):
    """All settings arrive."""
    settings = {"stride": 2, "padding": [(1, 2)] * rank, "dilation": 2, "padding_mode": "circular"}
    layer, x = KINDS[rank](4, 6, 3, **settings, depth_multiplier=2), torch.randn(2, 4, *[7] * rank)
    torch.testing.assert_close(layer(x), FUNCTIONS[rank](x, layer.depthwise, layer.pointwise, layer.bias, **settings))


@ranks
@pytest.mark.parametrize("multiplier", [1, 3])
def test_starts_as_a_dense_layer_does(rank, multiplier):
    """The composed kernel has the variance of PyTorch's convolutions, 1/(3 · inputs of a unit)."""
    kernels = []
    for _ in range(60):
        layer = KINDS[rank](8, 16, 3, depth_multiplier=multiplier)
        depthwise, pointwise = layer.depthwise.unflatten(0, (8, multiplier)), layer.pointwise.flatten(1)
        kernels.append(torch.einsum("kcm,cm...->kc...", pointwise.unflatten(1, (8, multiplier)), depthwise).detach())
    torch.testing.assert_close(torch.stack(kernels).square().mean().item(), 1 / (3 * 8 * 3**rank), rtol=0.15, atol=0)


@ranks
def test_every_parameter_learns(rank):
    """Both kernels and the bias receive a gradient that is finite and somewhere not zero."""
    layer = KINDS[rank](4, 6, 3, depth_multiplier=2)
    layer(torch.randn(2, 4, *[4] * rank)).square().sum().backward()
    for parameter in layer.parameters():
        assert parameter.grad.isfinite().all()
        assert parameter.grad.abs().max() > 0


@pytest.mark.traced
@ranks
def test_is_open_to_compile_and_export(rank):
    """One graph without breaks, and an exported program for any number of examples, give the layer's numbers."""
    torch._dynamo.reset()
    layer, x = KINDS[rank](4, 6, 3, stride=2, padding="same"), torch.randn(3, 4, *[6] * rank)
    want = layer(x)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), want)
    compiled(x).sum().backward()
    assert all(p.grad is not None for p in layer.parameters())
    program = torch.export.export(layer, (x,), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    torch.testing.assert_close(program.module()(x), want)
    torch.testing.assert_close(program.module()(x[:2]), want[:2])


def test_prints_its_settings():
    """The main ones, and those that are not the usual ones."""
    assert repr(DepthwiseSeparableConv1d(4, 6, 3, bias=False)) == (
        "DepthwiseSeparableConv1d(4, 6, kernel_size=(3,), stride=(1,), bias=False)"
    )


REFUSALS = [
    (
        "no filters",
        lambda: DepthwiseSeparableConv2d(4, 6, 3, depth_multiplier=0),
        "DepthwiseSeparableConv2d: depth_multiplier is less than 1.\n  depth_multiplier  0\nGive 1 or more.",
    ),
    (
        "no channels",
        lambda: DepthwiseSeparableConv2d(0, 6, 3),
        "DepthwiseSeparableConv2d: in_channels is less than 1.\n  in_channels  0\nGive 1 or more.",
    ),
    (
        "a padding mode without a meaning",
        lambda: DepthwiseSeparableConv2d(4, 6, 3, padding_mode="mirror"),
        "DepthwiseSeparableConv2d: no padding mode is called 'mirror'.\n"
        "Choose one of 'zeros', 'reflect', 'replicate', 'circular'.",
    ),
    (
        "negative padding",
        lambda: DepthwiseSeparableConv1d(4, 6, 3, padding=-1),
        "DepthwiseSeparableConv1d: padding is less than 0.\n  padding  (-1, -1)\nGive 0 or more.",
    ),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("call", "message"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_what_makes_no_sense_is_refused(call, message):
    """When the layer is made: the message names the rule, the values and the way out."""
    with pytest.raises((ShapeError, OptionError)) as error:
        call()
    assert str(error.value) == message
